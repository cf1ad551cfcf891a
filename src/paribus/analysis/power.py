"""What a study could have seen, and what it would take to see less."""

from dataclasses import dataclass

from paribus.analysis.result import StudyResult, level_of_test
from paribus.errors import DataError


@dataclass(frozen=True, slots=True)
class Power:
    """Of one comparison, each found four times in five, corrected for the factor's other comparisons."""

    factor: str
    level: str
    against: str
    difference: float
    """As it was seen, a share."""
    detectable: float
    """The least true difference that is found with the seeds there are, a share."""
    n_seeds: int
    seeds_needed: int | None
    """To find the difference asked for, on the same test examples; None where no number of seeds is enough."""
    examples_needed: int
    """Test examples, about, with seeds without end: fewer can never find it."""
    share_of_seeds: float
    """Of the variance of the difference, what seeds are to blame for, from 0 to 1; the rest are the test examples."""


def power(result: StudyResult, difference: float) -> tuple[Power, ...]:
    """What each comparison of a study could have seen, and what a given difference would need.

    Args:
        result: of the study.
        difference: in test accuracy, a share above 0 and below 1.

    Raises:
        DataError: the difference is out of range, or no comparison has two seeds.
    """
    if not 0 < difference < 1:
        raise DataError(f"the difference must lie between 0 and 100 points, got {100 * difference:g}")
    found = []
    for one in result.comparisons:
        mean = one.difference
        if mean is None or mean.n_seeds < 2:
            continue
        level = 1 - level_of_test(one.n_together)
        needed, examples = mean.seeds_for(difference, level), mean.examples_for(difference, level)
        found.append(
            Power(
                factor=one.factor,
                level=one.level,
                against=one.against,
                difference=mean.mean,
                detectable=one.detectable,
                n_seeds=mean.n_seeds,
                seeds_needed=needed,
                examples_needed=max(examples, mean.n_examples + 1) if needed is None else examples,
                share_of_seeds=mean.seeds / mean.variance,
            )
        )
    if not found:
        raise DataError(
            "what a study can see is known from two finished seeds of two levels of a factor, and there are none"
        )
    return tuple(found)
