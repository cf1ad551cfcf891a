"""Just enough SVG to draw the report's figures.

Written by hand rather than by matplotlib: a report of a hundred figures in a second instead of a minute, with
text and axes in the colour of the page around them (``currentColor``), no ids that could clash between figures
in one page, and the same bytes every time.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

import numpy as np
import numpy.typing as npt

from paribus.analysis.words import MINUS
from paribus.lang import current

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
CHARACTER = 0.58
"""Mean width of a character, in font sizes: generous, for the reader's font is not known here."""
WIDE = 1.0
"""Of a Chinese, Japanese or Korean one."""
LINE = 12.0
"""From one line of a label to the next."""

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no SVG file may hold; names of classes can."""

Floats = npt.NDArray[np.float64]
Attribute = str | float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure.

    Attributes:
        name: of its file, without ending; unique in the report.
        title: what it shows, in one line.
        svg: an ``<svg>`` element.
        width: as drawn, in points.
        inline: whether the page holds it; else it links to its file.
    """

    name: str
    title: str
    svg: str
    width: float
    inline: bool = True


def picture(name: str, title: str, width: float, height: float, body: Sequence[str]) -> Picture:
    """A picture of elements, with a name for people who hear the page."""
    attributes: dict[str, Attribute] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {number(width)} {number(height)}",
        "role": "img",
        "aria-label": title,
        "font-family": _fonts(),
        "font-size": 10.0,
        "fill": "currentColor",
        "stroke-linejoin": "round",
    }
    return Picture(name, title, element("svg", "", element("title", title) + "".join(body), **attributes), width)


def _fonts() -> str:
    """The usual ones, and those of the language before the last resort."""
    *usual, last = FONT.split(", ")
    return ", ".join([*usual, *(f"'{name}'" for name in current().fonts), last])


def element(tag: str, text: str = "", inner: str = "", /, **attributes: Attribute) -> str:
    """An element; text and attributes are escaped, ``inner`` is markup. ``font_size`` becomes ``font-size``."""
    written = "".join(
        f' {key.replace("_", "-")}="{escape(_NOT_XML.sub("�", value)) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = escape(_NOT_XML.sub("�", text), quote=False) + inner
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def words(x: float, y: float, text: str, **attributes: Attribute) -> str:
    """A line of text that stands on ``y``; anchored at its start unless ``text_anchor`` says otherwise."""
    return element("text", text, x=x, y=y, **attributes)


def shortened(x: float, y: float, text: str, at_most: float, **attributes: Attribute) -> str:
    """`words` of `short`; the whole text shows where a pointer rests on it."""
    shown = short(text, at_most)
    whole = element("title", text) if shown != text else ""
    return element("text", shown, whole, x=x, y=y, **attributes)


def short(text: str, at_most: float) -> str:
    """At most as wide as so many mean characters: the end of a longer text is left out."""
    room = width_of("x") * at_most
    if width_of(text) <= room:
        return text
    kept = next((n for n in range(len(text), 0, -1) if width_of(text[:n] + "…") <= room), 0)
    return text[:kept].rstrip() + "…"


def wrapped(text: str, at_most: float, n_lines: int) -> list[str]:
    """Lines that are at most as wide as so many mean characters, 2 or more, but the last, which takes what is left.

    They end at spaces; where there is none, anywhere.
    """
    lines: list[str] = []
    room = width_of("x") * at_most
    while len(lines) < n_lines - 1 and width_of(text) > room:
        fits = next(n for n in range(len(text), 0, -1) if width_of(text[:n]) <= room)
        end = text.rfind(" ", 1, fits + 1)
        end = end if end > 0 else fits
        lines.append(text[:end])
        text = text[end:].lstrip()
    return [*lines, text]


def stacked(x: float, y: float, lines: Sequence[str], at_most: float, **attributes: Attribute) -> str:
    """Lines of a label (`wrapped`), each `shortened`, about the middle ``y``."""
    first = y + 3.5 - LINE * (len(lines) - 1) / 2
    return "".join(shortened(x, first + LINE * k, text, at_most, **attributes) for k, text in enumerate(lines))


def width_of(text: str, size: float = 10.0) -> float:
    """About how wide a text is, in points."""
    wide = sum(east_asian_width(character) in "WF" for character in text)
    return size * (CHARACTER * (len(text) - wide) + WIDE * wide)


def number(value: float) -> str:
    """A coordinate to a tenth of a point, a small one (as an opacity) to a hundredth."""
    text = f"{value:.{1 if abs(value) >= 10 else 2}f}"
    return (text.rstrip("0").rstrip(".") or "0") if float(text) else "0"


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to points along one axis."""

    low: float
    high: float
    start: float
    """Where ``low`` lies, in points."""
    end: float
    log: bool = False

    def __call__(self, values: npt.ArrayLike) -> Floats:
        """Positions in points; NaN stays NaN."""
        v, low, high = np.asarray(values, dtype=np.float64), self.low, self.high
        if self.log:
            v, low, high = np.log(v), math.log(low), math.log(high)
        return np.asarray(self.start + (v - low) / (high - low) * (self.end - self.start))

    def at(self, value: float) -> float:
        """Position of one value."""
        return float(self(value))


def ticks(scale: Scale, at_most: int, *, whole: bool = False) -> list[float]:
    """Round values within a scale, at most so many; powers of ten and their 2 and 5 on a logarithmic one."""
    if scale.log:
        found = [m * 10.0**k for k in range(-12, 13) for m in (1, 2, 5) if scale.low <= m * 10.0**k <= scale.high]
        return found if len(found) <= at_most else found[:: -(-len(found) // at_most)]
    raw = (scale.high - scale.low) / at_most
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 5, 10, 20) if m * magnitude >= raw * 0.999)
    step = max(1.0, step) if whole else step
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """The values with as many decimals as the one that needs most; each by itself where they span magnitudes."""
    plain = [f"{value:g}" for value in values]
    if values and min(values) > 0 and max(values) >= 20 * min(values):
        return plain
    decimals = max((len(text.partition(".")[2]) for text in plain if "e" not in text), default=0)
    return [
        f"{value:.{decimals}f}".replace("-", MINUS) if "e" not in t else t
        for value, t in zip(values, plain, strict=True)
    ]


def line(x: Floats, y: Floats) -> str:
    """Path data of a line through points (n,); it breaks where a value is not finite."""
    good = np.isfinite(y)
    parts, drawing = [], False
    for xi, yi, ok in zip(x, y, good, strict=True):
        if ok:
            parts.append(f"{'' if drawing else 'M'}{xi:.1f} {yi:.1f}")
        drawing = bool(ok)
    return " ".join(parts)


def band(x: Floats, low: Floats, high: Floats) -> str:
    """Path data of the area between two lines (n,); it breaks where a value is not finite."""
    good = np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
    pieces = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        there, back = slice(start, end), slice(end - 1, start - 1 if start else None, -1)
        outline = np.concatenate([np.stack([x[there], low[there]], 1), np.stack([x[back], high[back]], 1)])
        pieces.append("M" + " ".join(f"{xi:.1f} {yi:.1f}" for xi, yi in outline) + "z")
    return "".join(pieces)
