"""What people read, in their language.

A message is a whole English sentence with named placeholders, and it is its own id: ``tr("{upper} beats {lower}",
upper=..., lower=...)``. Another language's catalogue, ``CODE.json`` beside this file, maps each message to that
language's, with the same placeholders in whatever order it wants. English needs none.
`tests/lang/test_catalogue.py` holds code, templates and catalogues together.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from paribus.errors import ParibusError
from paribus.suggest import from_known

VARIABLE = "PARIBUS_LANG"
"""Of the environment: the language of reports where none is asked for."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language that reports can be written in.

    Attributes:
        tag: for HTML's ``lang`` (BCP 47).
        fonts: that have its letters, by usual operating systems, where common ones lack them.
    """

    tag: str
    fonts: tuple[str, ...] = ()


ENGLISH = "en"
LANGUAGES: dict[str, Language] = {
    ENGLISH: Language("en"),
    "zh-TW": Language("zh-Hant-TW", ("PingFang TC", "Microsoft JhengHei", "Noto Sans TC", "Noto Sans CJK TC")),
}

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)
_Text = TypeVar("_Text", bound=str)


def tr(message: str, /, **values: object) -> str:
    """A message in the current language, filled in.

    Args:
        message: in English, with ``{name}`` for each value; written out where it is used, or marked by `msg`.
        values: of the placeholders.
    """
    said = translation(message) or message
    return said.format(**values) if values else said


def msg(message: _Text) -> _Text:
    """The message itself: marks one that is kept now and goes through `tr` later."""
    return message


def translation(message: str) -> str | None:
    """What the current language's catalogue says for a message; None in English."""
    return _catalogue(_current.get()).get(message)


def current() -> Language:
    """The current language."""
    return LANGUAGES[_current.get()]


@contextmanager
def language(code: str) -> Iterator[None]:
    """Makes one of `LANGUAGES` the current one within a ``with`` block."""
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


def resolve(asked: str | None) -> str:
    """The code of the language that is asked for, in whatever case; else that of ``$PARIBUS_LANG``, else English.

    Raises:
        ParibusError: there is no such language.
    """
    given = asked if asked is not None else os.environ.get(VARIABLE, "").strip() or ENGLISH
    known = {code.casefold(): code for code in LANGUAGES}
    found = known.get(given.strip().replace("_", "-").casefold())
    if found is None:
        where = "" if asked is not None else f" (${VARIABLE})"
        raise ParibusError(f"no language `{given}`{where}{from_known(given, LANGUAGES)}")
    return found


@cache
def _catalogue(code: str) -> Mapping[str, str]:
    if code == ENGLISH:
        return {}
    found: dict[str, str] = json.loads((Path(__file__).parent / f"{code}.json").read_text("utf-8"))
    return found
