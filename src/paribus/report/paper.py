"""The report's drawings as matplotlib figures: for papers and notebooks.

There is one description of every figure, its SVG. This reads the few elements that `svg` writes, so that a figure in
a paper is the figure in the page.
"""

import io
import logging
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from paribus.lang import LANGUAGES
from paribus.report.svg import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.path import Path

DPI = 300
"""What journals ask of line art in colour."""
INK = "#1a1a1a"
"""Where the page would take the colour of its text."""
FONTS = (
    "DejaVu Sans",
    *("Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Sans TC", "Microsoft JhengHei", "PingFang TC", "WenQuanYi Zen Hei"),
)
"""The first is matplotlib's own, the others have Chinese and are used where they are installed. Of a file with fonts
of several countries, as Debian's of Noto, matplotlib sees the first: Japan's, which has the letters of all."""

_CHINESE = re.compile(r"NotoSans(?:CJK|TC)\S*-Regular|msjh|PingFang|wqy-zenhei")
"""Their files."""
_INHERITED = ("font-size", "text-anchor", "fill", "fill-opacity")
_TOKEN = re.compile(r"[A-Za-z]|-?\d*\.?\d+(?:e-?\d+)?")
_TURNED = re.compile(r"rotate\((\S+)")
_N_NUMBERS = {"M": 2, "L": 2, "H": 1, "V": 1, "Q": 4, "C": 6, "Z": 0}


def figure(picture: Picture) -> "Figure":
    """A matplotlib figure of a drawing, as large as it is in the page (in points), on a clear ground.

    It is a drawing still: its one axes are in points from the upper left. To draw the values anew in your own way, take
    the frames of `paribus.analyse`.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.figure import Figure

    root = ElementTree.fromstring(picture.svg)
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    made = Figure(figsize=(width / 72, height / 72))
    axes = made.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    shapes: list[Any] = []
    for order, (tag, at, text) in enumerate(_elements(root)):
        if tag == "text":
            axes.text(**_words(at, text), zorder=order)
        elif tag in ("path", "rect", "circle"):
            shapes.append(_shape(tag, at))
    axes.add_collection(PatchCollection(shapes, match_original=True, zorder=0, antialiased=True))
    return made


def image(picture: Picture) -> bytes:
    """A drawing as the bytes of a PNG file of 300 dots an inch on white."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # said once: `lacks_letters`
        figure(picture).savefig(out, format="png", dpi=DPI, facecolor="white")
    return out.getvalue()


def lacks_letters(code: str) -> bool:
    """Whether no font is installed that could draw a language of `paribus.lang.LANGUAGES`."""
    return bool(LANGUAGES[code].fonts) and len(_fonts()) < 2


@dataclass(frozen=True, slots=True)
class _At:
    """Attributes of an element, with those of the elements around it."""

    of: dict[str, str]

    def number(self, name: str, default: float = 0.0) -> float:
        return float(self.of.get(name, default))

    def colour(self, name: str, default: str | None) -> tuple[Any, ...] | Literal["none"]:
        from matplotlib.colors import to_rgba

        given = self.of.get(name, default)
        if given in (None, "none"):
            return "none"
        return to_rgba(INK if given == "currentColor" else str(given), self.number(f"{name}-opacity", 1.0))


def _elements(root: ElementTree.Element) -> Iterator[tuple[str, _At, str]]:
    """Every element below the root: its tag, attributes and text."""

    def walk(element: ElementTree.Element, around: dict[str, str]) -> Iterator[tuple[str, _At, str]]:
        own = {**around, **element.attrib}
        size = own.get("font-size", "10")
        if size.endswith("%"):
            own["font-size"] = str(float(size[:-1]) / 100 * float(around["font-size"]))
        yield element.tag.rpartition("}")[2], _At(own), element.text or ""
        inherited = {name: own[name] for name in _INHERITED if name in own}
        for child in element:
            yield from walk(child, inherited)

    yield from walk(root, {})


def _shape(tag: str, at: _At) -> Any:
    from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Rectangle

    style: dict[str, Any] = {
        "facecolor": at.colour("fill", "currentColor"),
        "edgecolor": at.colour("stroke", None),
        "linewidth": at.number("stroke-width", 1.0) if at.of.get("stroke", "none") != "none" else 0.0,
        "capstyle": "round" if at.of.get("stroke-linecap") == "round" else "butt",
        "joinstyle": "round",
    }
    if dashes := at.of.get("stroke-dasharray"):
        wide = style["linewidth"]  # matplotlib counts dashes in widths of the line, SVG in points
        style["linestyle"] = (0, tuple(float(part) / wide for part in dashes.split()))
    if tag == "circle":
        return Circle((at.number("cx"), at.number("cy")), at.number("r"), **style)
    if tag == "path":
        return PathPatch(_path(at.of["d"]), **style)
    corner, wide, high, round_by = (
        (at.number("x"), at.number("y")),
        at.number("width"),
        at.number("height"),
        at.number("rx"),
    )
    if not round_by:
        return Rectangle(corner, wide, high, **style)
    round_by = min(round_by, wide / 2, high / 2)
    return FancyBboxPatch(corner, wide, high, boxstyle=f"round,pad=0,rounding_size={round_by:g}", **style)


def _words(at: _At, text: str) -> dict[str, Any]:
    turned = _TURNED.search(at.of.get("transform", ""))
    return {
        "x": at.number("x"),
        "y": at.number("y"),
        "s": text,
        "fontsize": at.number("font-size", 10.0),
        "fontweight": "bold" if at.number("font-weight", 400) >= 600 else "normal",
        "family": _fonts() if any(letter > "\u2e7f" for letter in text) else list(FONTS[:1]),
        "color": at.colour("fill", "currentColor"),
        "ha": {"middle": "center", "end": "right"}.get(at.of.get("text-anchor", ""), "left"),
        "va": "baseline",
        "rotation": -float(turned[1]) if turned else 0.0,
        "rotation_mode": "anchor",
        "parse_math": False,
    }


@cache
def _fonts() -> list[str]:
    from matplotlib.font_manager import findSystemFonts, fontManager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # Chinese fonts often lack a bold face
    here = set(fontManager.get_font_names())
    if not here.intersection(FONTS[1:]):  # matplotlib's list is as old as its first use, a font may have come since
        for path in filter(_CHINESE.search, findSystemFonts()):
            fontManager.addfont(path)
        here = set(fontManager.get_font_names())
    return [name for name in FONTS if name in here]


def _path(data: str) -> "Path":
    """SVG path data of M, L, H, V, Q, C and z, absolute or relative, as a path of matplotlib."""
    from matplotlib.path import Path

    codes = {"M": Path.MOVETO, "L": Path.LINETO, "Q": Path.CURVE3, "C": Path.CURVE4}
    points: list[tuple[float, float]] = []
    kinds: list[int] = []
    start = here = (0.0, 0.0)
    for command, numbers in _commands(data):
        base = here if command.islower() else (0.0, 0.0)
        kind = command.upper()
        if kind == "Z":
            points.append(start)
            kinds.append(int(Path.CLOSEPOLY))
            here = start
            continue
        if kind in "HV":
            along = 0 if kind == "H" else 1
            to = [(base[0] + numbers[0], here[1]) if along == 0 else (here[0], base[1] + numbers[0])]
            kind = "L"
        else:
            to = [(base[0] + x, base[1] + y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        here = to[-1]
        start = here if kind == "M" else start
        points += to
        kinds += [int(codes[kind])] * len(to)
    return Path(points, kinds)


def _commands(data: str) -> Iterator[tuple[str, Sequence[float]]]:
    """Each command with its numbers; further pairs after M are lines."""
    command = ""
    numbers: list[float] = []
    for token in _TOKEN.findall(data):
        if token.isalpha():
            command, numbers = token, []
            if command in "zZ":
                yield command, ()
            continue
        numbers.append(float(token))
        if len(numbers) == _N_NUMBERS[command.upper()]:
            yield command, numbers
            command, numbers = {"M": "L", "m": "l"}.get(command, command), []
