"""From a run folder to its report."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from paribus.analysis.result import CellResult, StudyResult
from paribus.analysis.study import analyse
from paribus.data.dataset import Dataset
from paribus.data.fingerprint import fingerprint
from paribus.data.sources import is_here, load_dataset
from paribus.errors import ParibusError, RunError
from paribus.lang import ENGLISH, language, msg, resolve, tr
from paribus.plan import Search, checkpoint_in, read_run
from paribus.record import PlannedTrial, TrialFailure, TrialRecord
from paribus.report.audit import data_groups
from paribus.report.differences import differences_picture
from paribus.report.figures import answer_picture, confusion_picture, curve_pictures, slug
from paribus.report.gallery import Explain, walls
from paribus.report.html import Page, render
from paribus.report.material import Material
from paribus.report.networks import network_groups
from paribus.report.opened import opened_pictures, spectrum_picture
from paribus.report.reliability import reliability_picture
from paribus.report.saliency import require_captum, saliency_maps
from paribus.report.search import candidates_table, search_picture
from paribus.report.sections import all_sections
from paribus.report.shown import first_rows, shown
from paribus.report.svg import Picture
from paribus.report.table import Table, to_csv, to_markdown
from paribus.report.tables import all_tables
from paribus.spec import StudySpec
from paribus.suggest import from_known

NOT_LOOKED_AT = msg("The data were not looked at.")
if TYPE_CHECKING:
    from matplotlib.figure import Figure

AT_MOST_IMAGES = 100
"""Figures that are written as PNG too unless told otherwise; a tenth of a second each."""
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
    dataset: Dataset | str = NOT_LOOKED_AT,
    weights: Callable[[TrialRecord], Mapping[str, npt.NDArray[np.floating]]] = lambda _: {},
    explain: Callable[[TrialRecord], Explain] | None = None,
    search: Search | None = None,
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
        explain: what gives images a saliency map by the network of a finished trial; None for none.
        search: that led to the study, if one did.
    """
    result = analyse(study, planned, records, failures, every_pair=every_pair)
    some = shown(result)
    tables = [first_rows(table) for table in all_tables(some)]
    answer, curves = answer_picture(some), curve_pictures(some)
    confusions = _by_cell(some, "confusion", confusion_picture)
    differences = differences_picture(some)
    reliabilities = _by_cell(some, "reliability", reliability_picture)
    ordered = _in_order(result, records)
    label_of = {trial_id: cell.label for cell in result.cells for trial_id in cell.trial_ids}
    in_page = {cell.label for cell in some.cells}
    networks = network_groups(ordered, label_of, in_page)
    data = data_groups([record.data for record in ordered if label_of[record.trial_id] in in_page])
    first = _first_of_best(result, ordered)
    opened = _opened(result, first, dataset, weights)
    searched = search_picture(search) if search else None
    drawn = [
        *([searched] if searched else []),
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
        shown=some,
        records=ordered,
        planned=tuple(planned),
        tables={table.name: table for table in tables},
        answer=answer,
        differences=differences,
        walls=()
        if isinstance(dataset, str)
        else walls(result, ordered, dataset, explain(first) if explain and first else None),
        explained=bool(explain),
        no_examples=tr(dataset) if isinstance(dataset, str) else "",
        opened=tuple(fitted[picture.name] for picture in opened),
        curves={factor: tuple(fitted[picture.name] for picture in found) for factor, found in curves.items()},
        confusions={label: fitted[picture.name] for label, picture in confusions.items()},
        reliabilities={label: fitted[picture.name] for label, picture in reliabilities.items()},
        networks=tuple(replace(group, picture=fitted[group.picture.name]) for group in networks),
        data_groups=tuple(replace(group, picture=fitted[group.picture.name]) for group in data),
        created=created,
        command=command,
        store=store,
        search=search,
        searched=searched,
    )
    return Page(
        title=study.name,
        question=study.question,
        created=created,
        sections=all_sections(material),
        tables=tuple(table for table in _for_programs(result, search) if table.rows),
        pictures=tuple(drawn),
        result=result,
    )


def _for_programs(result: StudyResult, search: Search | None) -> tuple[Table, ...]:
    """The tables of the files: programs look for their columns by English names."""
    with language(ENGLISH):
        return (*all_tables(result), *([candidates_table(search)] if search else []))


def _by_cell(result: StudyResult, name: str, draw: Callable[[CellResult, str], Picture | None]) -> dict[str, Picture]:
    """Label of a cell -> its picture, for cells with a finished trial."""
    drawn = {cell.label: draw(cell, slug(name, str(i), cell.name)) for i, cell in enumerate(result.cells, 1)}
    return {label: picture for label, picture in drawn.items() if picture}


def _within_budget(pictures: Sequence[Picture], left: int) -> list[Picture]:
    """The first pictures stand in the page, as far as its size allows; the rest are linked."""
    fitting = []
    for picture in pictures:
        left -= len(picture.svg)
        fitting.append(picture if left >= 0 else replace(picture, inline=False))
    return fitting


def _first_of_best(result: StudyResult, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The first finished seed of the best cell."""
    ids = result.best.cell.trial_ids if result.best else ()
    return next((record for record in records if record.trial_id in ids), None)


def _opened(
    result: StudyResult,
    first: TrialRecord | None,
    dataset: Dataset | str,
    weights: Callable[[TrialRecord], Mapping[str, npt.NDArray[np.floating]]],
) -> tuple[Picture, ...]:
    """Of a network of the best cell; and of EEG its spectrum."""
    spectrum = None if isinstance(dataset, str) else spectrum_picture(dataset)
    of_network: tuple[Picture, ...] = ()
    if result.best and first:
        names = () if isinstance(dataset, str) else dataset.channel_names
        label = result.best.cell.label
        of_network = opened_pictures(first.layers, weights(first), first.data.sfreq_hz, label, names)
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
    page: Page
    """Its content."""
    n_left_out: int = 0
    """Figures that were not written as PNG, for there are too many."""
    lacks_letters: bool = False
    """PNG figures were written, and no font here has the letters of their language."""

    @property
    def result(self) -> StudyResult:
        """The analysis that it shows."""
        return self.page.result

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of all figures; their files are ``RUN/report/figures/NAME.svg`` and ``.png``."""
        return tuple(picture.name for picture in self.page.pictures)

    def figure(self, name: str) -> "Figure":
        """A figure of the report for matplotlib, as for ``report.figure("answer").savefig("answer.pdf")``.

        Raises:
            RunError: there is no figure of that name.
        """
        from paribus.report.paper import figure

        found = {picture.name: picture for picture in self.page.pictures}
        if name not in found:
            raise RunError(f"the report has no figure `{name}`{from_known(name, found)}")
        return figure(found[name])

    def _repr_html_(self) -> str:
        """The page within a notebook, in a frame of its own so that neither's styles touch the other."""
        inside = escape(self.path.read_text(encoding="utf-8"), quote=True)
        style = "width:100%;height:44rem;border:1px solid #8886;border-radius:8px"
        return f'<iframe srcdoc="{inside}" style="{style}" title="{escape(self.page.title)}"></iframe>'


def write_report(
    run: "str | os.PathLike[str]",
    *,
    every_pair: bool = False,
    png: bool | None = None,
    saliency: bool = False,
    lang: str | None = None,
) -> Report:
    """Writes ``report/`` in a run folder: the page, its tables and its figures. In a notebook its value shows the page.

    Args:
        run: folder of a run.
        every_pair: compare every two levels of a factor, not only each with the baseline's.
        png: whether figures are written as PNG too; None unless there are more than a hundred.
        saliency: give misclassified images a map of the pixels that mattered (needs the extra `saliency`).
        lang: of the page, one of `paribus.lang.LANGUAGES`; by default ``$PARIBUS_LANG``, else English.

    Returns:
        Where the page is, the analysis that it shows, and its figures.

    Raises:
        RunError: the folder holds no study, or no trial of it is finished, or it cannot be written, or the extra is
            not installed.
        StoreError: the store cannot be read.
        CheckpointError: saliency is asked for, and the network cannot be loaded.
        ParibusError: there is no such language.
    """
    code = resolve(lang)
    run = Path(run)
    if saliency:
        require_captum()
    with language(code):
        report = _write_report(run, every_pair=every_pair, png=png, saliency=saliency)
    if png is False or report.n_left_out:
        return report
    from paribus.report.paper import lacks_letters

    return replace(report, lacks_letters=lacks_letters(code))


def _write_report(run: Path, *, every_pair: bool, png: bool | None, saliency: bool) -> Report:
    stored = read_run(run)
    page = build(
        stored.study,
        stored.planned,
        stored.records,
        stored.failures,
        created=stored.created,
        command=stored.command,
        store=stored.store,
        every_pair=every_pair,
        dataset=_dataset(stored.records),
        weights=partial(_weights, run),
        explain=(lambda record: partial(saliency_maps, run / record.checkpoint)) if saliency else None,
        search=stored.search,
    )
    png = len(page.pictures) <= AT_MOST_IMAGES if png is None else png
    return Report(_write_page(page, run / "report", png=png), page, 0 if png else len(page.pictures))


def _dataset(records: Sequence[TrialRecord]) -> Dataset | str:
    """The data that all trials were tested on, or why they cannot be shown."""
    if len({record.fingerprint for record in records}) > 1:
        return tr("Examples are shown where all cells use the same data, and these do not.")
    spec = records[0].spec.data.origin()
    try:
        if not is_here(spec):
            return tr("The examples cannot be shown, for the data are not on this machine.")
        dataset = load_dataset(spec)
        same = fingerprint(dataset) == records[0].fingerprint
    except (ParibusError, OSError, ValueError, MemoryError) as error:  # a report without examples is better than none
        return tr("The examples cannot be shown, for the data cannot be read now: {error}.", error=error)
    if not same:
        return tr("The examples cannot be shown, for the data have changed since.")
    return dataset


def _weights(run: Path, record: TrialRecord) -> Mapping[str, npt.NDArray[np.floating]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found: Mapping[str, npt.NDArray[np.floating]] = load_file(checkpoint_in(run, record.checkpoint))
    except (OSError, SafetensorError, ValueError, KeyError, RunError):
        return {}
    return found


def _write_page(page: Page, folder: Path, *, png: bool) -> Path:
    """The page last, so that all it links to is there."""
    index = folder / "index.html"
    written = []
    try:
        for path, content in _files(page, folder, png=png):
            _write(path, content)
            written.append(path)
        _write(index, render(page).encode())
        _remove_stale(folder, set(written))
    except OSError as error:
        raise RunError(f"the report cannot be written to {folder}: {error.strerror or error}") from error
    return index


def _files(page: Page, folder: Path, *, png: bool) -> Iterator[tuple[Path, bytes]]:
    for picture in page.pictures:
        yield folder / "figures" / f"{picture.name}.svg", picture.svg.encode()
        if png:
            from paribus.report.paper import image

            yield folder / "figures" / f"{picture.name}.png", image(picture)
    with language(ENGLISH):
        tables = {table.name: (to_csv(table), to_markdown(table)) for table in page.tables}
    for name, (csv, markdown) in tables.items():
        yield folder / "tables" / f"{name}.csv", csv.encode()
        yield folder / "tables" / f"{name}.md", markdown.encode()


def _write(path: Path, content: bytes) -> None:
    """All or nothing, so that a page being read is never half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp keeps others out; a report is for reading.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _remove_stale(folder: Path, current: set[Path]) -> None:
    """Figures and tables of an earlier report that this one no longer has."""
    for kind in ("figures/*.svg", "figures/*.png", "tables/*.csv", "tables/*.md"):
        for path in folder.glob(kind):
            if path not in current:
                path.unlink()
