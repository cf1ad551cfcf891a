"""What the sections of the report draw on, and what they are."""

from dataclasses import dataclass, field
from typing import Any

from paribus.analysis.result import StudyResult
from paribus.plan import Search
from paribus.record import DataSummary, PlannedTrial, TrialRecord
from paribus.report.audit import DataGroup
from paribus.report.gallery import Wall
from paribus.report.networks import NetworkGroup
from paribus.report.svg import Picture
from paribus.report.table import Table


@dataclass(frozen=True, slots=True)
class Material:
    """All that the sections draw on.

    Attributes:
        result: of the analysis.
        shown: the part of it that is listed cell by cell (`shown.shown`).
        records: of the finished trials, in the study's order.
        planned: all trials.
        tables: by name.
        answer: the figure of all cells.
        differences: the figure of all comparisons.
        walls: misclassified examples.
        no_examples: why there are none, in a sentence; else empty.
        explained: whether images have saliency maps.
        opened: what is inside the best cell's network.
        curves: factor -> pictures.
        confusions: label of a cell -> picture, for cells with a finished trial.
        reliabilities: likewise.
        networks: each once.
        data_groups: each set of data once.
        created: when the study was first stored, ISO 8601.
        command: that started it.
        store: where records are kept.
        search: that led to the study, if one did.
        searched: its picture.
    """

    result: StudyResult
    shown: StudyResult
    records: tuple[TrialRecord, ...]
    planned: tuple[PlannedTrial, ...]
    tables: dict[str, Table]
    answer: Picture | None
    curves: dict[str, tuple[Picture, ...]]
    confusions: dict[str, Picture]
    reliabilities: dict[str, Picture] = field(default_factory=dict)
    differences: Picture | None = None
    walls: tuple[Wall, ...] = ()
    no_examples: str = ""
    explained: bool = False
    opened: tuple[Picture, ...] = ()
    networks: tuple[NetworkGroup, ...] = ()
    data_groups: tuple[DataGroup, ...] = ()
    created: str = ""
    command: str = ""
    store: str = ""
    search: Search | None = None
    searched: Picture | None = None

    @property
    def data(self) -> DataSummary | None:
        """Of the first finished trial."""
        return self.records[0].data if self.records else None


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: its anchor, heading, template and the values for it."""

    id: str
    title: str
    values: dict[str, Any]
    note: str = ""
    """What of the study is left out here."""

    @property
    def template(self) -> str:
        """Name of its template."""
        return f"section_{self.id}.html"
