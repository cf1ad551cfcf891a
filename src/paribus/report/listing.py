"""Specifications as people read them: a YAML-like listing, and what differs between cells."""

from collections.abc import Mapping, Sequence
from typing import Any

from paribus.analysis.plain import flat, leaves
from paribus.analysis.result import CellResult, StudyResult
from paribus.lang import tr
from paribus.record import PlannedTrial
from paribus.report.table import Column, Table


def yaml_like(value: Any, indent: int = 0) -> str:
    """Plain values (mappings, lists, scalars) in YAML's block form; short lists stay in one line."""
    margin = "  " * indent
    if isinstance(value, Mapping) and value:
        lines = []
        for key, inner in value.items():
            nested = isinstance(inner, Mapping) and inner
            lines.append(
                f"{margin}{key}:\n{yaml_like(inner, indent + 1)}" if nested else f"{margin}{key}: {flat(inner)}"
            )
        return "\n".join(lines)
    return margin + flat(value)


def differences_table(
    result: StudyResult, planned: Sequence[PlannedTrial], shown: Sequence[CellResult]
) -> Table | None:
    """A row a cell with every field of the specification that is not the same in all cells; None when none differs.

    Args:
        result: of the study.
        planned: its trials.
        shown: cells that have a row.
    """
    spec_of = {trial.trial_id: trial.spec for trial in planned}
    fields = {
        cell: leaves(spec_of[cell.trial_ids[0]].model_dump(mode="json", exclude={"seed"})) for cell in result.cells
    }
    paths = dict.fromkeys(path for cell in fields.values() for path in cell)
    differing = [path for path in paths if len({cell.get(path) for cell in fields.values()}) > 1]
    if not differing:
        return None
    rows = tuple((cell.label, *(fields[cell].get(path) for path in differing)) for cell in shown)
    return Table("recipe", tr("What differs between cells."), (Column(tr("cell")), *map(Column, differing)), rows)
