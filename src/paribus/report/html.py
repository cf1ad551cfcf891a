"""From a page's values to one self-contained HTML file."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from paribus.analysis.result import StudyResult
from paribus.analysis.words import apart, capital, count, listed, percent, points, sentences, spread, stop
from paribus.lang import current, translation
from paribus.lang.retell import retold
from paribus.report.explorer import script_texts
from paribus.report.material import Section
from paribus.report.svg import Picture
from paribus.report.table import Table, parts

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Page:
    """A report ready to be written.

    Attributes:
        title: the study's name.
        question: what it asks.
        created: when the study was first stored, ISO 8601; may be empty.
        sections: in order.
        tables: for files of their own, in English.
        pictures: for files of their own.
        result: the analysis that all of it shows.
    """

    title: str
    question: str
    created: str
    sections: tuple[Section, ...]
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]
    result: StudyResult


@cache
def environment() -> "Environment":
    """Of the templates: everything is escaped but what they call safe."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"percent": percent, "points": points, "spread": spread, "sentence": capital, "stop": stop}
    made.filters |= {"apart": apart, "listed": listed, "sentences": sentences}
    made.globals |= {"count": count, "parts": parts, "tr": _tr, "current": current, "script_texts": script_texts}
    made.globals["retold"] = retold
    return made


def _tr(message: str, /, **values: object) -> "Markup":
    """A message within a template: markup of our own, values are escaped."""
    from markupsafe import Markup

    return Markup(translation(message) or message).format(**values)


def render(page: Page) -> str:
    """The page as HTML that loads nothing from anywhere; everything but our own drawings and styles is escaped."""
    style, script = (TEMPLATES / "style.css").read_text("utf-8"), (STATIC / "explorer.js").read_text("utf-8")
    return environment().get_template("page.html").render(page=page, style=style, script=script)
