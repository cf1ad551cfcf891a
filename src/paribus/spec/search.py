"""A search: its budget, and factors that are ranges."""

from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from paribus.spec.base import FieldError, Seed, Spec

MOST_CANDIDATES = 10_000


class SearchDesign(Spec):
    """Looks for the best recipe within a budget, on validation data alone, then tries it on other seeds."""

    search: Literal["tpe", "random"]
    """How candidates are chosen: by Optuna's tree-structured Parzen estimator, or at random."""
    trials: int = Field(ge=1, le=MOST_CANDIDATES)
    """Candidates, the baseline among them. More of them later go on from where the search was."""
    pruning: Literal["median"] | None = None
    """``median`` ends a candidate whose best validation accuracy so far is below the median of the others' at the
    same epoch."""
    startup: int = Field(10, ge=1)
    """Candidates that are drawn at random, and run to their end, before others are chosen by what they gave."""
    confirm: int = Field(1, ge=1, le=100)
    """How many of the best candidates are trained, beside the baseline, with the seeds that took no part."""
    seed: Seed = 0
    """Of the choices; the trials of the search have the first of the study's seeds."""


class Range(Spec):
    """What a search varies: one field, from ``low`` to ``high``, both included.

    Whole numbers are tried where both ends are whole and the field takes nothing else, or ``step`` is whole too.
    """

    path: str
    low: float | int
    high: float | int
    log: bool = False
    """Whether magnitudes are tried alike, as suits learning rates."""
    step: float | int | None = Field(None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _no_levels(cls, values: Any) -> Any:
        if isinstance(values, dict) and "levels" in values:
            raise ValueError("give either `levels`, or a range: `low` and `high`, not both")
        return values

    @model_validator(mode="after")
    def _can_be_searched(self) -> Self:
        if self.low >= self.high:
            raise FieldError("high", f"must be above low, which is {self.low:g}, got {self.high:g}")
        if self.log and self.low <= 0:
            raise FieldError("low", f"a range with `log` starts above 0, got {self.low:g}")
        if self.log and self.step is not None:
            raise FieldError("step", "cannot stand with `log`: leave one of them out")
        if self.step is not None and self.step > self.high - self.low:
            raise FieldError("step", f"must fit between low and high, got {self.step:g}")
        if self.step is not None:
            self._refuse_high_between_steps(self.step)
        return self

    def _refuse_high_between_steps(self, step: float) -> None:
        """``high`` would never be tried. Counted in decimals, as they were written: 0.1 is not a tenth in binary."""
        low, high, by = (Decimal(str(value)) for value in (self.low, self.high, step))
        steps = (high - low) // by
        if low + steps * by != high:
            below, above = (f"{float(low + n * by):.10g}" for n in (steps, steps + 1))
            raise FieldError(
                "high",
                f"must be a whole number of steps above low: with low {self.low:g} and step {step:g}, the nearest are "
                f"{below} and {above}, got {self.high:g}",
            )
