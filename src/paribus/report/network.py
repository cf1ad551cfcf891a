"""A network as a drawing: blocks of layers with their shapes, in columns, skip connections as arcs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from paribus.lang import msg, tr
from paribus.record import LayerRow
from paribus.report.svg import Picture, element, picture, width_of, words

LINE = 16.0
"""Height of a layer."""
GAP = 14.0
"""Between blocks."""
GUTTER = 46.0
"""Between columns: room for arcs and for the way to the next column."""
TOP = 34.0
COLUMN_HEIGHT = 470.0
AT_MOST_COLUMNS = 3
SIZE = 9.0

FAMILIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (msg("convolution"), "#0072b2", ("Conv",)),
    (msg("dense"), "#d55e00", ("Linear",)),
    (msg("normalisation"), "#009e73", ("Norm",)),
    (msg("activation"), "#e69f00", ("ReLU", "ELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softmax", "Swish")),
    (msg("pooling"), "#cc79a7", ("Pool",)),
    (msg("dropout"), "#7f8c99", ("Dropout",)),
)
"""Name, colour (Okabe & Ito 2008, told apart by colour-blind people) and what its types are called."""
OTHER = (msg("other"), "#56b4e9")
_SMALL = ("normalisation", "activation", "pooling", "dropout")
"""Families that stand in the block of the layer before them."""


@dataclass(frozen=True, slots=True)
class Box:
    """A block of layers as it is drawn: ``rows`` (first, last) and its rectangle in points."""

    first: int
    last: int
    column: int
    x: float
    y: float
    width: float

    @property
    def height(self) -> float:
        """Of all its lines."""
        return (self.last - self.first + 1) * LINE + 4

    def middle(self, row: int) -> float:
        """Where a row's line stands, from above."""
        return self.y + 2 + (row - self.first + 0.5) * LINE


def family(type_: str) -> tuple[str, str]:
    """Name and colour of the family of a layer's type."""
    for name, colour, parts in FAMILIES:
        if any(part in type_ for part in parts):
            return name, colour
    return OTHER


def network_svg(rows: Sequence[LayerRow], title: str) -> str:
    """The drawing as an SVG document of its own, on white."""
    drawn = network_picture(rows, title, "network")
    return drawn.svg.replace("<svg ", '<svg style="background:#fff;color:#1c2127" ', 1)


def network_picture(rows: Sequence[LayerRow], title: str, name: str) -> Picture:
    """The drawing as a figure of the page.

    Args:
        rows: the layers in the order of the forward pass.
        title: what is drawn.
        name: of the figure's file.
    """
    boxes = layout(rows)
    box_of = {row: box for box in boxes for row in range(box.first, box.last + 1)}
    body = _legend(rows)
    for box in boxes:
        body += _box(box, rows)
    for before, after in pairwise(boxes):
        if _follows(rows, after.first):
            body.append(_connector(before, after))
    body += [_arc(box_of, source, target) for source, target in arcs(rows)]
    width = max(max((box.x + box.width for box in boxes), default=100.0) + GUTTER, _legend_width(rows))
    height = max((box.y + box.height for box in boxes), default=TOP) + 22
    return picture(name, title, width, height, body)


def blocks(rows: Sequence[LayerRow]) -> list[tuple[int, int]]:
    """First and last row of each block: a layer with the small ones that follow it and feed on nothing else."""
    found: list[tuple[int, int]] = []
    for i, row in enumerate(rows):
        if found and family(row.type)[0] in _SMALL and _follows(rows, i) and row.inputs in (None, (i - 1,)):
            found[-1] = (found[-1][0], i)
        else:
            found.append((i, i))
    return found


def arcs(rows: Sequence[LayerRow]) -> list[tuple[int, int]]:
    """(source, target) of every connection that skips layers; -1 is the network's input."""
    return [(source, i) for i, row in enumerate(rows) for source in row.inputs or () if source != i - 1]


def layout(rows: Sequence[LayerRow]) -> list[Box]:
    """The blocks in columns; a column ends where the fewest arcs would cross to the next."""
    found, spans, width = blocks(rows), arcs(rows), _width(rows)
    heights = [(last - first + 1) * LINE + 4 + GAP for first, last in found]
    at_most = max(COLUMN_HEIGHT, 1.12 * sum(heights) / AT_MOST_COLUMNS)
    crossing = [sum(source < first <= target for source, target in spans) for first, _ in found]
    boxes: list[Box] = []
    start, column = 0, 0
    while start < len(found):
        fits = [end for end in range(start + 1, len(found) + 1) if sum(heights[start:end]) <= at_most] or [start + 1]
        end = fits[-1]
        if end < len(found):
            late = [k for k in fits if sum(heights[start:k]) >= 0.6 * at_most] or [end]
            end = min(late, key=lambda k: (crossing[k], -k))
        y = TOP
        for (first, last), height in zip(found[start:end], heights[start:end], strict=True):
            boxes.append(Box(first, last, column, 6 + column * (width + GUTTER), y, width))
            y += height
        start, column = end, column + 1
    return boxes


def _width(rows: Sequence[LayerRow]) -> float:
    names = max((width_of(_name(row), SIZE) for row in rows), default=60.0)
    return 14 + names + 8 + max((width_of(_facts(row), SIZE) for row in rows), default=40.0) + 8


def _name(row: LayerRow) -> str:
    name = row.name if len(row.name) <= 28 else "…" + row.name[-27:]
    return f"{name} · {row.type}"


def _facts(row: LayerRow) -> str:
    shape = "×".join(map(str, row.output_shape))
    return f"{shape} · {row.n_parameters:,}" if row.n_parameters else shape


def _follows(rows: Sequence[LayerRow], i: int) -> bool:
    """Whether a layer takes what the one before it gives."""
    inputs = rows[i].inputs
    return i > 0 and (inputs is None or i - 1 in inputs)


def _box(box: Box, rows: Sequence[LayerRow]) -> list[str]:
    frame = element(
        "rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=4.0, fill="currentColor", fill_opacity=0.05,
        stroke="currentColor", stroke_opacity=0.35, stroke_width=0.7, **{"class": "block"},
    )  # fmt: skip
    body = [frame]
    for i in range(box.first, box.last + 1):
        middle, (_, colour) = box.middle(i), family(rows[i].type)
        body.append(element("rect", x=box.x + 4, y=middle - 5.5, width=5.0, height=11.0, rx=1.5, fill=colour))
        weight = "600" if i == box.first else None
        body.append(words(box.x + 14, middle + 3.2, _name(rows[i]), font_size=SIZE, font_weight=weight))
        end = box.x + box.width - 6
        body.append(words(end, middle + 3.2, _facts(rows[i]), font_size=SIZE, text_anchor="end", fill_opacity=0.75))
    return body


def _legend(rows: Sequence[LayerRow]) -> list[str]:
    present = {family(row.type)[0] for row in rows}
    body, x = [], 6.0
    for name, colour in (*((name, colour) for name, colour, _ in FAMILIES), OTHER):
        if name in present:
            body.append(element("rect", x=x, y=8.0, width=9.0, height=9.0, rx=2.0, fill=colour))
            body.append(words(x + 13, 16, tr(name), font_size=SIZE))
            x += 13 + width_of(tr(name), SIZE) + 14
    return body


def _legend_width(rows: Sequence[LayerRow]) -> float:
    return 6 + sum(27 + width_of(tr(name), SIZE) for name in {family(row.type)[0] for row in rows})


def _connector(before: Box, after: Box) -> str:
    start = before.y + before.height
    if before.column == after.column:
        x = before.x + 20
        return _line(f"M{x:.1f} {start:.1f}V{after.y - 3:.1f}") + _tip(x, after.y, 0, 1)
    x0, x1 = before.x + 20, after.x + 20
    between = after.x - 8
    path = f"M{x0:.1f} {start:.1f}v7H{between:.1f}V{after.y - 7:.1f}H{x1:.1f}V{after.y - 3:.1f}"
    return _line(path) + _tip(x1, after.y, 0, 1)


def _arc(box_of: dict[int, Box], source: int, target: int) -> str:
    """Along the right side, the wider the farther."""
    to = box_of[target]
    x1, y1 = to.x + to.width, to.middle(target)
    if source < 0:
        return _line(f"M{x1 + 18:.1f} {TOP - 8:.1f}Q{x1 + 18:.1f} {y1:.1f} {x1 + 4:.1f} {y1:.1f}", arc=True) + _tip(
            x1, y1, -1, 0
        )
    start = box_of[source]
    x0, y0 = start.x + start.width, start.middle(source)
    if start.column != to.column:  # down or up between the columns, and in from the left
        path = f"M{x0:.1f} {y0:.1f}H{to.x - 18:.1f}V{y1:.1f}H{to.x - 4:.1f}"
        return _line(path, arc=True) + _tip(to.x, y1, 1, 0)
    bulge = min(GUTTER - 24, 12 + 0.08 * abs(y1 - y0))
    path = f"M{x0:.1f} {y0:.1f}C{x0 + bulge:.1f} {y0:.1f} {x1 + bulge:.1f} {y1:.1f} {x1 + 4:.1f} {y1:.1f}"
    return _line(path, arc=True) + _tip(x1, y1, -1, 0)


def _line(path: str, *, arc: bool = False) -> str:
    return element(
        "path", d=path, fill="none", stroke="currentColor", stroke_opacity=0.65, stroke_width=1.1,
        **{"class": "arc" if arc else "flow"},
    )  # fmt: skip


def _tip(x: float, y: float, right: int, down: int) -> str:
    """An arrow's tip at a point, from the direction that it goes."""
    back_x, back_y = x - 5 * right, y - 5 * down
    wing_x, wing_y = 2.6 * down, 2.6 * right
    path = f"M{x:.1f} {y:.1f}L{back_x - wing_x:.1f} {back_y - wing_y:.1f}L{back_x + wing_x:.1f} {back_y + wing_y:.1f}z"
    return element("path", d=path, fill="currentColor", fill_opacity=0.7)
