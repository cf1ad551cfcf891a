"""The networks of a study, each once: drawing, layers, sizes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paribus.analysis.words import listed
from paribus.lang import tr
from paribus.models.totals import FLOPS_IN_WORDS, Totals, totals, uncounted
from paribus.record import TrialRecord
from paribus.report.figures import slug
from paribus.report.network import network_picture
from paribus.report.svg import Picture
from paribus.report.table import Column, Table


@dataclass(frozen=True, slots=True)
class NetworkGroup:
    """A network and the cells that use it; networks that differ only in a layer's type (activation) are one."""

    name: str
    cells: tuple[str, ...]
    table: Table
    totals: Totals
    facts: tuple[tuple[str, str], ...]
    """What is said of it as a whole, as ("parameters", "114,186 (all trainable)")."""
    picture: Picture


def network_groups(
    records: Sequence[TrialRecord], label_of: Mapping[str, str], shown: Collection[str]
) -> tuple[NetworkGroup, ...]:
    """Every distinct network of the records that is that of a cell in the page.

    Args:
        records: of finished trials.
        label_of: trial id -> label of its cell.
        shown: labels of the cells in the page.
    """
    found: dict[tuple[Any, ...], list[TrialRecord]] = {}
    for record in records:
        sizes = tuple((layer.name, layer.output_shape, layer.n_parameters) for layer in record.layers)
        found.setdefault((record.spec.model.name, sizes), []).append(record)
    kept = [alike for alike in found.values() if any(label_of[record.trial_id] in shown for record in alike)]
    return tuple(_group(i, alike, label_of) for i, alike in enumerate(kept, start=1))


def _group(i: int, records: Sequence[TrialRecord], label_of: Mapping[str, str]) -> NetworkGroup:
    first = records[0]
    name, whole = first.spec.model.name, totals(first.layers, first.data.input_shape)
    return NetworkGroup(
        name=name,
        cells=tuple(dict.fromkeys(label_of[record.trial_id] for record in records)),
        table=_layers_table(records, whole),
        totals=whole,
        facts=_facts(whole, uncounted(first.layers)),
        picture=network_picture(
            first.layers, tr("{network}, layer by layer", network=name), slug("network", str(i), name)
        ),
    )


def _facts(whole: Totals, others: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    facts = []
    if whole.n_trainable:  # 0 in records of earlier versions, which did not count
        frozen = whole.n_parameters - whole.n_trainable
        trainable = f"{whole.n_trainable:,}"
        said = tr("{n}, {frozen} not", n=trainable, frozen=f"{frozen:,}") if frozen else trainable
        facts.append((tr("trainable parameters"), said))
    if whole.multiply_adds or (others and whole.n_trainable):
        adds = f"{whole.multiply_adds:,}"
        said = tr("{n}, without {layers}", n=adds, layers=listed(others)) if others else adds
        facts.append((tr("multiply-adds"), said))
        facts.append((tr("“FLOPs”"), f"{whole.flops:,}"))
    facts.append((tr("input"), f"{whole.input_mb:.2f} MB"))
    facts.append((tr("forward and backward"), f"{whole.forward_backward_mb:.2f} MB"))
    facts.append((tr("parameters"), f"{whole.parameters_mb:.2f} MB"))
    return tuple(facts)


def footnote() -> str:
    """How the numbers are counted."""
    return tr(
        "For one example. Multiply-adds are those of convolutions and linear layers. “FLOPs” is {flops}.",
        flops=tr(FLOPS_IN_WORDS),
    )


def _layers_table(records: Sequence[TrialRecord], whole: Totals) -> Table:
    """Networks of the same sizes, layer by layer."""
    columns = (
        Column(tr("layer")),
        Column(tr("type")),
        Column(tr("output shape"), "count"),
        Column(tr("parameters"), "count"),
        Column(tr("how counted")),
        Column(tr("multiply-adds"), "count"),
    )
    rows = []
    for alike in zip(*(record.layers for record in records), strict=True):
        types = " / ".join(dict.fromkeys(layer.type for layer in alike))
        shape, first = " × ".join(map(str, alike[0].output_shape)), alike[0]
        adds = f"{first.multiply_adds:,}" if first.multiply_adds else ""
        rows.append((first.name, types, shape, f"{first.n_parameters:,}", first.formula, adds))
    adds = f"{whole.multiply_adds:,}" if whole.multiply_adds else ""
    total = (tr("total"), "", "", f"{whole.n_parameters:,}", "", adds)
    return Table("layers", "", columns, (*rows, total))
