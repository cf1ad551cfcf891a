"""The name that was probably meant."""

import difflib
from collections.abc import Iterable


def nearest(given: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name most like the given one, upper and lower case being equal; None when none is like it.

    Args:
        given: what was found or asked for.
        known: what exists.
        cutoff: least similarity, from 0 to 1 (`difflib.SequenceMatcher.ratio`).
    """
    folded = {name.casefold(): name for name in sorted(known, reverse=True)}
    close = difflib.get_close_matches(given.casefold(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``" (did you mean `x_test`?)"``, or nothing."""
    close = nearest(given, known)
    return f" (did you mean `{close}`?)" if close else ""


def from_known(given: object, known: Iterable[str]) -> str:
    """``"; did you mean `adam`? Known: adam, adamw, sgd"``, the question only when something is close."""
    known = list(known)
    close = nearest(str(given), known)
    names = ", ".join(known) or "none"
    return f"; did you mean `{close}`? Known: {names}" if close else f"; known: {names}"
