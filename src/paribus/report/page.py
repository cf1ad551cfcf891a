"""From a run folder to its report."""

import itertools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paribus.analysis.result import CellResult, StudyResult
from paribus.analysis.study import analyse
from paribus.data.aeon import is_here
from paribus.data.dataset import Dataset
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import load_dataset
from paribus.errors import ParibusError, RunError
from paribus.plan import STORE, checkpoint_in, read_run
from paribus.record import PlannedTrial, TrialFailure, TrialRecord
from paribus.report.audit import data_groups
from paribus.report.differences import differences_picture
from paribus.report.figures import answer_picture, confusion_picture, curve_pictures, slug
from paribus.report.gallery import walls
from paribus.report.html import Page, render
from paribus.report.networks import network_groups
from paribus.report.opened import opened_pictures, spectrum_picture
from paribus.report.reliability import reliability_picture
from paribus.report.sections import Material, all_sections
from paribus.report.svg import Picture
from paribus.report.table import to_csv, to_markdown
from paribus.report.tables import all_tables
from paribus.spec import AeonData, StudySpec

PICTURE_BUDGET = 2_400_000
"""Characters of pictures in the page; a page below 3 MB opens at once and can be mailed."""


def build(
    study: StudySpec,
    planned: Sequence[PlannedTrial],
    records: Sequence[TrialRecord],
    failures: Sequence[TrialFailure],
    *,
    created: str = "",
    command: str = "",
    store: str = "",
    every_pair: bool = False,
    dataset: Dataset | str = "The data were not looked at.",
    weights: Callable[[TrialRecord], Mapping[str, npt.NDArray[np.floating]]] = lambda _: {},
) -> Page:
    """The page of a study, from values alone.

    Args:
        study: the question.
        planned: all its trials.
        records: of finished trials.
        failures: of failed ones.
        created: when the study was first stored, ISO 8601.
        command: that started it.
        store: where records are kept.
        every_pair: compare every two levels of a factor.
        dataset: that the best cell was tested on, to show misclassified examples; or why there is none, in a sentence.
        weights: of a finished trial, by name; none where its checkpoint cannot be read.
    """
    result = analyse(study, planned, records, failures, every_pair=every_pair)
    tables = all_tables(result)
    answer, curves = answer_picture(result), curve_pictures(result)
    confusions = _by_cell(result, "confusion", confusion_picture)
    differences = differences_picture(result)
    reliabilities = _by_cell(result, "reliability", reliability_picture)
    ordered = _in_order(result, records)
    label_of = {trial_id: cell.label for cell in result.cells for trial_id in cell.trial_ids}
    networks, data = network_groups(ordered, label_of), data_groups([record.data for record in ordered])
    opened = _opened(result, ordered, dataset, weights)
    drawn = [
        *([answer] if answer else []),
        *([differences] if differences else []),
        *itertools.chain(*curves.values()),
        *confusions.values(),
        *reliabilities.values(),
        *opened,
        *(group.picture for group in data),
        *(group.picture for group in networks),
    ]
    fitted = {picture.name: picture for picture in _within_budget(drawn, PICTURE_BUDGET)}
    material = Material(
        result=result,
        records=ordered,
        planned=tuple(planned),
        tables={table.name: table for table in tables},
        answer=answer,
        differences=differences,
        walls=() if isinstance(dataset, str) else walls(result, ordered, dataset),
        no_examples=dataset if isinstance(dataset, str) else "",
        opened=tuple(fitted[picture.name] for picture in opened),
        curves={factor: tuple(fitted[picture.name] for picture in found) for factor, found in curves.items()},
        confusions={label: fitted[picture.name] for label, picture in confusions.items()},
        reliabilities={label: fitted[picture.name] for label, picture in reliabilities.items()},
        networks=tuple(replace(group, picture=fitted[group.picture.name]) for group in networks),
        data_groups=tuple(replace(group, picture=fitted[group.picture.name]) for group in data),
        created=created,
        command=command,
        store=store,
    )
    return Page(
        title=study.name,
        question=study.question,
        created=created,
        sections=all_sections(material),
        tables=tuple(table for table in tables if table.rows),
        pictures=tuple(drawn),
        result=result,
    )


def _by_cell(result: StudyResult, name: str, draw: Callable[[CellResult, str], Picture | None]) -> dict[str, Picture]:
    """Label of a cell -> its picture, for cells with a finished trial."""
    drawn = {cell.label: draw(cell, slug(name, str(i), cell.label)) for i, cell in enumerate(result.cells, 1)}
    return {label: picture for label, picture in drawn.items() if picture}


def _within_budget(pictures: Sequence[Picture], left: int) -> list[Picture]:
    """The first pictures stand in the page, as far as its size allows; the rest are linked."""
    fitting = []
    for picture in pictures:
        left -= len(picture.svg)
        fitting.append(picture if left >= 0 else replace(picture, inline=False))
    return fitting


def _opened(
    result: StudyResult,
    records: Sequence[TrialRecord],
    dataset: Dataset | str,
    weights: Callable[[TrialRecord], Mapping[str, npt.NDArray[np.floating]]],
) -> tuple[Picture, ...]:
    """Of the first finished seed of the best cell; and of EEG its spectrum."""
    spectrum = None if isinstance(dataset, str) else spectrum_picture(dataset)
    of_network: tuple[Picture, ...] = ()
    if result.best:
        best = result.best.cell
        first = next(record for record in records if record.trial_id in best.trial_ids)
        of_network = opened_pictures(first.layers, weights(first), first.data.sfreq_hz, best.label)
    return (*of_network, *([spectrum] if spectrum else []))


def _in_order(result: StudyResult, records: Sequence[TrialRecord]) -> tuple[TrialRecord, ...]:
    record_of = {record.trial_id: record for record in records}
    ids = dict.fromkeys(trial_id for cell in result.cells for trial_id in cell.trial_ids)
    return tuple(record_of[trial_id] for trial_id in ids if trial_id in record_of)


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written."""

    path: Path
    """The page, ``RUN/report/index.html``."""
    result: StudyResult


def write_report(run: Path, *, every_pair: bool = False) -> Report:
    """Writes ``report/`` in a run folder: the page, its tables and its figures.

    Args:
        run: folder of a run, with ``store.sqlite``.
        every_pair: compare every two levels of a factor, not only each with the baseline's.

    Returns:
        Where the page is, and the analysis that it shows.

    Raises:
        RunError: the folder holds no study, or no trial of it is finished, or it cannot be written.
        StoreError: the store cannot be read.
    """
    stored = read_run(run)
    page = build(
        stored.study,
        stored.planned,
        stored.records,
        stored.failures,
        created=stored.created,
        command=stored.command,
        store=str(run / STORE),
        every_pair=every_pair,
        dataset=_dataset(stored.records),
        weights=partial(_weights, run),
    )
    return Report(_write_page(page, run / "report"), page.result)


def _dataset(records: Sequence[TrialRecord]) -> Dataset | str:
    """The data that all trials were tested on, or why they cannot be shown."""
    if len({record.fingerprint for record in records}) > 1:
        return "Examples are shown where all cells use the same data, and these do not."
    spec = records[0].spec.data.origin()
    try:
        if isinstance(spec, AeonData) and not is_here(spec):
            return "The examples cannot be shown, for the data are not on this machine."
        dataset = load_dataset(spec)
        same = fingerprint(dataset) == records[0].fingerprint
    except (ParibusError, OSError, ValueError, MemoryError) as error:  # a report without examples is better than none
        return f"The examples cannot be shown, for the data cannot be read now: {error}."
    if not same:
        return "The examples cannot be shown, for the data have changed since."
    return dataset


def _weights(run: Path, record: TrialRecord) -> Mapping[str, npt.NDArray[np.floating]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found: Mapping[str, npt.NDArray[np.floating]] = load_file(checkpoint_in(run, record.checkpoint))
    except (OSError, SafetensorError, ValueError, KeyError, RunError):
        return {}
    return found


def _write_page(page: Page, folder: Path) -> Path:
    index = folder / "index.html"
    files = {folder / "figures" / f"{picture.name}.svg": picture.svg for picture in page.pictures}
    for table in page.tables:
        files[folder / "tables" / f"{table.name}.csv"] = to_csv(table)
        files[folder / "tables" / f"{table.name}.md"] = to_markdown(table)
    try:
        for path, content in {**files, index: render(page)}.items():
            _write(path, content)
        _remove_stale(folder, set(files))
    except OSError as error:
        raise RunError(f"the report cannot be written to {folder}: {error.strerror or error}") from error
    return index


def _write(path: Path, content: str) -> None:
    """All or nothing, so that a page being read is never half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
        # mkstemp keeps others out; a report is for reading.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _remove_stale(folder: Path, current: set[Path]) -> None:
    """Figures and tables of an earlier report that this one no longer has."""
    for kind in ("figures/*.svg", "tables/*.csv", "tables/*.md"):
        for path in folder.glob(kind):
            if path not in current:
                path.unlink()
