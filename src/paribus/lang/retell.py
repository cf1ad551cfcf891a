"""Sentences that records hold in English, told anew in the current language where they are known."""

import re

_SAID_WITHIN = {"parts", "more", "files", "part", "other_part", "part_and_rest", "kind", "channels"}
"""Groups that hold words of ours, told anew themselves; all others hold numbers and names."""

_N, _NAME = r"[\d,]+", r".+?"


def _pattern(written: str) -> re.Pattern[str]:
    return re.compile(written, re.DOTALL)


KNOWN: tuple[tuple[re.Pattern[str], str], ...] = ()


def retold(text: str) -> str:
    """A sentence of a record in the current language; as it is where it is not known."""
    return text
