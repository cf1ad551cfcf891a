"""From a page's values to one self-contained HTML file."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from paribus.analysis.result import StudyResult
from paribus.analysis.words import capital, count, percent, points, spread
from paribus.report.sections import Section
from paribus.report.svg import Picture
from paribus.report.table import Table, parts

if TYPE_CHECKING:
    from jinja2 import Environment

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
        tables: for files of their own.
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
    made.filters |= {"percent": percent, "points": points, "spread": spread, "sentence": capital}
    made.globals |= {"count": count, "parts": parts}
    return made


def render(page: Page) -> str:
    """The page as HTML that loads nothing from anywhere; everything but our own drawings and styles is escaped."""
    style, script = (TEMPLATES / "style.css").read_text("utf-8"), (STATIC / "explorer.js").read_text("utf-8")
    return environment().get_template("page.html").render(page=page, style=style, script=script)
