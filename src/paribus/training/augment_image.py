"""Augmentation of images: whole batches (B, C, H, W) float32 of pixels 0 to 255, each example by its own draws.

What moves pixels about (crop, flips, rotation, affine) is a matrix that leads from a pixel of the result back to a
place in the image; neighbours in the list become one matrix and the image is sampled once. Places are in pixels from
the image's centre, to the right and down.
"""

import math
from collections.abc import Sequence

import torch
from torch.nn.functional import grid_sample

from paribus.spec import (
    AffineSpec,
    BrightnessSpec,
    ContrastSpec,
    CropSpec,
    CutoutSpec,
    ErasingSpec,
    FunctionSpec,
    HorizontalFlipSpec,
    ImageAugmentation,
    RotationSpec,
    VerticalFlipSpec,
)
from paribus.training.augment_draws import Draws
from paribus.training.augment_own import apply_function

Geometric = CropSpec | HorizontalFlipSpec | VerticalFlipSpec | RotationSpec | AffineSpec
Item = tuple[ImageAugmentation | FunctionSpec, Draws]
Size = tuple[int, int]
"""(H, W)."""


def augment_images(x: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
    """A new batch: each augmentation in turn.

    Neighbouring geometric ones that agree on what lies outside (``fill``) are one resampling. So a pixel that a crop
    moved out and a rotation moves back in is still there, where one after the other would have lost it.

    Args:
        x: (B, C, H, W) float32, 0 to 255.
        items: augmentations with their draws.
    """
    i = 0
    while i < len(items):
        n = _fusible([spec for spec, _ in items[i:]])
        x = _move(x, items[i : i + n]) if n else _change(x, *items[i])
        i += n or 1
    return x


def _fusible(specs: Sequence[ImageAugmentation | FunctionSpec]) -> int:
    """How many from the start are geometric and agree on the fill; flips go with any."""
    fill: float | None = None
    for n, spec in enumerate(specs):
        if not isinstance(spec, Geometric):
            return n
        if isinstance(spec, HorizontalFlipSpec | VerticalFlipSpec):
            continue
        if fill is not None and spec.fill != fill:
            return n
        fill = spec.fill
    return len(specs)


def _move(x: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
    size = (x.shape[2], x.shape[3])
    matrix = backward_matrix(items[0][0], items[0][1], size)
    for spec, draws in items[1:]:
        matrix = matrix @ backward_matrix(spec, draws, size)
    fill = next((s.fill for s, _ in items if isinstance(s, CropSpec | RotationSpec | AffineSpec)), None)
    if any(isinstance(spec, RotationSpec | AffineSpec) for spec, _ in items):
        return resample(x, matrix, fill or 0.0)
    return gather(x, matrix, fill)


def backward_matrix(spec: ImageAugmentation | FunctionSpec, draws: Draws, size: Size) -> torch.Tensor:
    """(B, 3, 3) float64: from places (right, down, 1) in the result to places in the image."""
    match spec:
        case HorizontalFlipSpec():
            return _diagonal(_sign(draws, spec.p), torch.ones(len(draws.keys)))
        case VerticalFlipSpec():
            return _diagonal(torch.ones(len(draws.keys)), _sign(draws, spec.p))
        case CropSpec():
            return translation((draws.uniform(2) * (2 * spec.padding + 1)).floor() - spec.padding)
        case RotationSpec():
            return rotation(_symmetric(draws.uniform(1)[:, 0], spec.degrees))
        case AffineSpec():
            u = draws.uniform(5)
            low, high = spec.scale
            return affine_backward(
                degrees=_symmetric(u[:, 0], spec.degrees),
                shift=_symmetric(u[:, 1:3], spec.translate) * torch.tensor([size[1], size[0]], dtype=torch.float64),
                scale=low + (high - low) * u[:, 3],
                shear=_symmetric(u[:, 4], spec.shear),
            )
    raise TypeError(f"{spec.name} moves no pixels")


def affine_backward(
    degrees: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor, shear: torch.Tensor
) -> torch.Tensor:
    """(B, 3, 3): the inverse of scaling, shearing, rotating and shifting, in this order.

    Args:
        degrees: (B,) counter-clockwise.
        shift: (B, 2) pixels to the right and down.
        scale: (B,) above 1 enlarges.
        shear: (B,) degrees: what lies one pixel lower moves tan(shear) pixels to the right.
    """
    unsheared = _diagonal(1 / scale, 1 / scale)
    unsheared[:, 0, 1] = -torch.tan(torch.deg2rad(shear)) / scale
    return unsheared @ rotation(degrees) @ translation(-shift)


def rotation(degrees: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3): the result is the image turned counter-clockwise by (B,) degrees."""
    angle = torch.deg2rad(degrees)
    matrix = _diagonal(angle.cos(), angle.cos())
    matrix[:, 0, 1], matrix[:, 1, 0] = -angle.sin(), angle.sin()
    return matrix


def translation(offset: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3): each pixel of the result comes from (B, 2) pixels to the right and down."""
    matrix = torch.eye(3, dtype=torch.float64).repeat(len(offset), 1, 1)
    matrix[:, :2, 2] = offset
    return matrix


def resample(x: torch.Tensor, matrix: torch.Tensor, fill: float) -> torch.Tensor:
    """Bilinear; the image goes on as ``fill`` outside.

    Args:
        x: (B, C, H, W).
        matrix: (B, 3, 3), from places in the result to places in the image.
        fill: what lies outside.
    """
    batch, _, height, width = x.shape
    # grid_sample wants shares of the half size; with align_corners=False pixel centres keep their place in them.
    lengths = torch.tensor([2 / width, 2 / height], dtype=torch.float64)[:, None]
    a = (matrix[:, :2] * lengths).to(torch.float32).to(x.device)
    right = _centred(width).to(torch.float32).to(x.device)
    down = _centred(height).to(torch.float32).to(x.device)
    grid = x.new_empty((batch, height, width, 2))
    for k in range(2):  # sums and products alone, so that no value depends on where in the batch it stands
        grid[..., k] = (a[:, k, 0, None] * right)[:, None, :] + (a[:, k, 1, None] * down + a[:, k, 2, None])[:, :, None]
    if fill:
        return grid_sample(x - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + fill
    return grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def gather(x: torch.Tensor, matrix: torch.Tensor, fill: float | None) -> torch.Tensor:
    """Without interpolation, for flips and moves by whole pixels.

    Args:
        x: (B, C, H, W).
        matrix: (B, 3, 3) with 1 or -1 and whole numbers of pixels.
        fill: what lies outside; None where nothing does.
    """
    height, width = x.shape[2:]
    down = _places(matrix[:, 1, 1], matrix[:, 1, 2], height)
    right = _places(matrix[:, 0, 0], matrix[:, 0, 2], width)
    index = (down.clamp(0, height - 1) * width)[:, :, None] + right.clamp(0, width - 1)[:, None, :]
    moved = x.flatten(2).gather(2, index.flatten(1)[:, None].expand(-1, x.shape[1], -1).to(x.device)).view(x.shape)
    if fill is None:
        return moved
    inside = _between(down, 0, height)[:, :, None] & _between(right, 0, width)[:, None, :]
    return torch.where(inside[:, None].to(x.device), moved, fill)


def _change(x: torch.Tensor, spec: ImageAugmentation | FunctionSpec, draws: Draws) -> torch.Tensor:
    """What leaves pixels in their place."""
    size = (x.shape[2], x.shape[3])
    match spec:
        case FunctionSpec():
            return apply_function(x, spec, draws)
        case ErasingSpec():
            top, left, height, width = rectangle(spec, draws.uniform(5), size)
            return _fill_box(x, top, left, height, width, spec.fill)
        case CutoutSpec():
            centre = (draws.uniform(2) * torch.tensor(size)).floor().long() - spec.size // 2
            edge = torch.full((len(x),), spec.size)
            return _fill_box(x, centre[:, 0], centre[:, 1], edge, edge, spec.fill)
        case BrightnessSpec():
            return (x * _factor(spec.amount, draws).to(x.device)).clamp(0, 255)
        case ContrastSpec():
            mean = _mean(x)
            return (mean + (x - mean) * _factor(spec.amount, draws).to(x.device)).clamp(0, 255)
    raise TypeError(f"{spec.name} moves pixels")


def rectangle(
    spec: ErasingSpec, u: torch.Tensor, size: Size
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(B,) top, left, height and width in pixels; height 0 where nothing is erased.

    The area is uniform, and the logarithm of the aspect is uniform among the aspects that fit into the image. The paper
    draws again until a rectangle fits; here the number of draws must not depend on what they are.

    Args:
        spec: the ranges.
        u: (B, 5) uniform: whether, area, aspect, top, left.
        size: of the image.
    """
    height, width = size
    area = (spec.area[0] + (spec.area[1] - spec.area[0]) * u[:, 1]) * height * width
    area = area.clamp(min=1.0)
    tallest, flattest = (height**2 / area).log(), (area / width**2).log()
    low = torch.tensor(math.log(spec.aspect[0])).clamp(flattest, tallest)
    high = torch.tensor(math.log(spec.aspect[1])).clamp(flattest, tallest)
    aspect = (low + (high - low) * u[:, 2]).exp()
    h = (area * aspect).sqrt().round().long().clamp(1, height)
    w = (area / aspect).sqrt().round().long().clamp(1, width)
    top = (u[:, 3] * (height - h + 1)).floor().long()
    left = (u[:, 4] * (width - w + 1)).floor().long()
    return top, left, torch.where(u[:, 0] < spec.p, h, 0), w


def _fill_box(
    x: torch.Tensor, top: torch.Tensor, left: torch.Tensor, height: torch.Tensor, width: torch.Tensor, fill: float
) -> torch.Tensor:
    rows = _between(torch.arange(x.shape[2]), top[:, None], (top + height)[:, None])
    columns = _between(torch.arange(x.shape[3]), left[:, None], (left + width)[:, None])
    box = rows.to(x.device)[:, None, :, None] & columns.to(x.device)[:, None, None, :]
    return torch.where(box, fill, x)


def _between(values: torch.Tensor, low: torch.Tensor | int, high: torch.Tensor | int) -> torch.Tensor:
    return (values >= low) & (values < high)


def _mean(x: torch.Tensor) -> torch.Tensor:
    """(B, 1, 1, 1): of all channels and pixels, added up in an order that does not depend on the batch."""
    sums = x.flatten(1).clone()
    length = n = sums.shape[1]
    while length > 1:
        half = (length + 1) // 2
        sums[:, : length - half] += sums[:, half:length]
        length = half
    return (sums[:, :1] / n)[:, :, None, None]


def _factor(amount: float, draws: Draws) -> torch.Tensor:
    return (1 + _symmetric(draws.uniform(1), amount)).to(torch.float32)[:, :, None, None]


def _symmetric(u: torch.Tensor, most: float) -> torch.Tensor:
    """From [0, 1) to [-most, most)."""
    return (2 * u - 1) * most


def _sign(draws: Draws, p: float) -> torch.Tensor:
    return torch.where(draws.uniform(1)[:, 0] < p, -1.0, 1.0)


def _diagonal(right: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    matrix = torch.zeros((len(right), 3, 3), dtype=torch.float64)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 2, 2] = right, down, 1.0
    return matrix


def _centred(n: int) -> torch.Tensor:
    """(n,) float64: pixel centres from the middle of the axis."""
    return torch.arange(n, dtype=torch.float64) - (n - 1) / 2


def _places(sign: torch.Tensor, offset: torch.Tensor, n: int) -> torch.Tensor:
    """(B, n) int64: the pixel of the image behind each of the result, along one axis; may lie outside."""
    return (sign[:, None] * _centred(n) + offset[:, None] + (n - 1) / 2).round().long()
