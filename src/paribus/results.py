"""A run's answer in Python: tidy pandas frames, and what a notebook shows."""

import os
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paribus.analysis.further import FURTHER
from paribus.analysis.metrics import log_probabilities
from paribus.analysis.result import StudyResult
from paribus.analysis.study import analyse as analyse_study
from paribus.analysis.words import BASELINE, capital
from paribus.grid import baseline_level
from paribus.plan import StoredRun, read_run
from paribus.record import EpochRow
from paribus.report.answer import answer_words, provisional_words
from paribus.report.table import text
from paribus.report.tables import cells_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What a run found. Frames are made anew at each access; accuracies are shares from 0 to 1, losses nats.

    Each factor has a column with the levels; where a column of that name is taken, as ``lr`` is, with `factor_` before
    it.
    """

    run: StoredRun
    """The study, its planned trials, their records and failures."""
    result: StudyResult
    """The analysis that the report draws."""

    @property
    def trials(self) -> "pd.DataFrame":
        """One row a planned trial: its cell, factors, seed and state, and the figures of finished ones."""
        import pandas as pd

        failed = {failure.trial_id: failure.message for failure in self.run.failures}
        done = {seed.trial_id: seed for cell in self.result.cells if cell.scores for seed in cell.scores.seeds}
        rows = []
        for place in self._places():
            seed = done.get(place["trial"])
            state = "finished" if seed else "failed" if place["trial"] in failed else "missing"
            figures = {}
            if seed:
                figures = {name: getattr(seed, name) for name in _FIGURES} | {
                    _further(name): value for name, value in seed.further.items()
                }
            rows.append(
                {**place, "state": state, **figures, "failure": failed.get(place["trial"], "") if not seed else ""}
            )
        return pd.DataFrame(rows)

    @property
    def epochs(self) -> "pd.DataFrame":
        """One row an epoch of a finished trial: losses, accuracies, learning rate, seconds; ``selected`` marks one."""
        import pandas as pd

        records = {record.trial_id: record for record in self.run.records}
        rows = [
            {**place, **asdict(row), "selected": row.epoch == record.selected_epoch}
            for place in self._places()
            if (record := records.get(place["trial"]))
            for row in record.history
        ]
        return pd.DataFrame(rows)

    @property
    def predictions(self) -> "pd.DataFrame":
        """One row an example of validation or test of a finished trial: what it is, what is predicted, how sure."""
        import numpy as np
        import pandas as pd

        records = {record.trial_id: record for record in self.run.records}
        frames = []
        for place in self._places():
            record = records.get(place["trial"])
            for part, found in record.predictions.items() if record else ():
                assert record
                names, rows = list(record.data.class_names), np.arange(len(found.y))
                p = np.exp(log_probabilities(found.logits))
                named = p.argmax(axis=1)
                frame = pd.DataFrame({
                    "part": part,
                    "example": found.ids,
                    "true": pd.Categorical.from_codes(found.y, names),
                    "predicted": pd.Categorical.from_codes(named, names),
                    "right": named == found.y,
                    "probability": p[rows, named],
                    "probability_of_true": p[rows, found.y],
                })  # fmt: skip
                for column, value in reversed(place.items()):
                    frame.insert(0, column, value)
                frames.append(frame)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    @property
    def comparisons(self) -> "pd.DataFrame":
        """One row a comparison, and one for each context of it where there are several (``context`` says which)."""
        import pandas as pd

        rows = []
        for one in self.result.comparisons:
            names = {"factor": one.factor, "level": one.level, "against": one.against}
            several = len(one.by_context) > 1
            for context, found in [("", one.difference), *((c.label, c.difference) for c in one.by_context if several)]:
                interval = found.interval() if found else None
                tested = found is not None and found.n_seeds > 1
                rows.append({
                    **names,
                    "context": context,
                    "difference": found.mean if found else float("nan"),
                    "low": interval.low if interval else float("nan"),
                    "high": interval.high if interval else float("nan"),
                    "n_seeds": found.n_seeds if found else 0,
                    "p": found.p_value if found and tested else float("nan"),
                    "p_corrected": one.corrected if not context else float("nan"),
                    "detectable": one.detectable if not context else float("nan"),
                    "n_agree": one.n_agree if not context else None,
                    "verdict": one.verdict if not context else "",
                    "sentence": one.sentence if not context else "",
                })  # fmt: skip
        return pd.DataFrame(rows)

    def _places(self) -> list[dict[str, Any]]:
        """Of each planned trial: its id, its cell's label, a level of each factor, its seed."""
        label = {trial_id: cell for cell in self.result.cells for trial_id in cell.trial_ids}

        bases = {factor: baseline_level(self.run.study, factor) or BASELINE for factor in self.run.study.factors}

        def column(factor: str) -> str:
            return f"factor_{factor}" if factor in _TAKEN else factor

        return [
            {
                "trial": trial.trial_id,
                "cell": label[trial.trial_id].label,
                **{column(f): label[trial.trial_id].levels.get(f, bases[f]) for f in self.run.study.factors},
                "seed": trial.spec.seed,
            }
            for trial in self.run.planned
        ]

    def __repr__(self) -> str:
        said = [*self._words(), *(one.sentence for one in self.result.comparisons)]
        return f"{self.run.study.name}: {self.run.study.question}\n" + "\n".join(f"- {line}" for line in said)

    def _repr_html_(self) -> str:
        study, table = self.run.study, cells_table(self.result)
        said = [*self._words(), *(capital(one.sentence) + "." for one in self.result.comparisons)]
        items = "".join(f"<li>{escape(line)}</li>" for line in said)
        head = "".join(f"<th>{escape(column.title + column.unit)}</th>" for column in table.columns)
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{escape(text(v, c.kind))}</td>" for v, c in zip(row, table.columns, strict=True))
            + "</tr>"
            for row in table.rows
        )
        return (
            f"<p><strong>{escape(study.name)}</strong>: {escape(study.question)}</p><ul>{items}</ul>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )

    def _words(self) -> list[str]:
        provisional = provisional_words(self.result)
        return [*answer_words(self.result, self.run.records[0].data), *([provisional] if provisional else [])]


_FIGURES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "loss",
    "validation_accuracy",
    "best_on_test",
    "optimism",
    "selected_epoch",
    "n_epochs",
    "stopped_early",
)
"""Of `SeedResult`, in the frame of trials."""


def _further(name: str) -> str:
    """A figure's name as that of a column."""
    return name.lower().replace(" ", "_").replace("'", "")


_TAKEN = frozenset(
    ["trial", "cell", "seed", "state", "failure", "selected", "part", "example", "true", "predicted", "right"]
    + ["probability", "probability_of_true", *_FIGURES, *map(_further, FURTHER)]
    + [field.name for field in fields(EpochRow)]
)
"""Columns of their own: a factor of such a name gets `factor_` before it."""


def analyse(run: "str | os.PathLike[str]", *, every_pair: bool = False) -> Results:
    """The answer of a run folder, as far as its trials are finished.

    Args:
        run: folder of a run.
        every_pair: compare every two levels of a factor, not only each with the baseline's.

    Raises:
        RunError: the folder holds no study, or no trial of it is finished.
        StoreError: the store cannot be read.
    """
    stored = read_run(Path(run))
    result = analyse_study(stored.study, stored.planned, stored.records, stored.failures, every_pair=every_pair)
    return Results(stored, result)
