"""Augmentation of images against numpy, scipy and hand-worked values."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from paribus.spec import (
    AffineSpec,
    BrightnessSpec,
    ContrastSpec,
    CropSpec,
    CutoutSpec,
    ErasingSpec,
    HorizontalFlipSpec,
    RotationSpec,
    VerticalFlipSpec,
)
from paribus.training.augment_draws import Draws, keys
from paribus.training.augment_image import (
    affine_backward,
    augment_images,
    backward_matrix,
    gather,
    rectangle,
    resample,
    rotation,
    translation,
)

H_FLIP, V_FLIP = HorizontalFlipSpec(name="horizontal_flip", p=1), VerticalFlipSpec(name="vertical_flip", p=1)


def draws(n: int, stream: int = 1) -> Draws:
    return Draws(stream, keys(torch.arange(n), n))


def images(n: int, c: int = 3, h: int = 12, w: int = 17) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (n, c, h, w)).astype(np.float32))


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scipy_affine(image: np.ndarray, forward: np.ndarray, fill: float) -> np.ndarray:
    """(C, H, W) moved by a forward (row, column, 1) matrix about its centre."""
    centre = (np.array(image.shape[1:]) - 1) / 2
    backward = np.linalg.inv(forward)
    offset = centre - backward[:2, :2] @ centre + backward[:2, 2]
    moved = [
        ndimage.affine_transform(one.astype(float), backward[:2, :2], offset, order=1, mode="grid-constant", cval=fill)
        for one in image
    ]
    return np.stack(moved)


def test_flips_are_exact() -> None:
    x = images(4)
    np.testing.assert_array_equal(augment_images(x, [(H_FLIP, draws(4))]), x.numpy()[..., ::-1])
    np.testing.assert_array_equal(augment_images(x, [(V_FLIP, draws(4))]), x.numpy()[..., ::-1, :])
    both = augment_images(x, [(H_FLIP, draws(4)), (V_FLIP, draws(4, 2))])
    np.testing.assert_array_equal(both, x.numpy()[..., ::-1, ::-1])


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_so_many_are_flipped(p: float) -> None:
    x = images(2000, 1, 1, 2)
    flipped = augment_images(x, [(HorizontalFlipSpec(name="horizontal_flip", p=p), draws(2000))])
    done = (flipped == x.flip(3)).flatten(1).all(1)
    assert ((flipped == x).flatten(1).all(1) ^ done).all()
    assert done.double().mean().item() == pytest.approx(p, abs=0.035)


def test_crop_is_a_window_of_the_padded_image_and_each_window_is_as_likely() -> None:
    n, padding, fill = 1800, 2, 7.0
    x = images(n, 2, 5, 6)
    cropped = augment_images(x, [(CropSpec(name="crop", padding=padding, fill=fill), draws(n))]).numpy()
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=fill)
    found = np.zeros((5, 5), int)
    for i in range(n):
        matches = [
            (r, c) for r in range(5) for c in range(5) if np.array_equal(cropped[i], padded[i, :, r : r + 5, c : c + 6])
        ]
        assert len(matches) == 1
        found[matches[0]] += 1
    assert found.sum() == n
    assert stats.chisquare(found.ravel()).pvalue > 0.01


def test_crop_then_flip_is_the_flipped_window() -> None:
    x, crop = images(20), CropSpec(name="crop", padding=3, fill=9)
    expected = augment_images(x, [(crop, draws(20))]).flip(3)
    torch.testing.assert_close(augment_images(x, [(crop, draws(20)), (H_FLIP, draws(20, 2))]), expected, rtol=0, atol=0)


def test_quarter_turns_are_exact() -> None:
    x = images(4, 3, 11, 11)
    turned = resample(x, rotation(column(0, 90, 180, -90)), 0)
    for i, k in enumerate((0, 1, 2, 3)):
        torch.testing.assert_close(turned[i], torch.rot90(x[i], k, (1, 2)), rtol=0, atol=2e-3)


@pytest.mark.parametrize("fill", [0.0, 100.0])
def test_rotation_against_scipy(fill: float) -> None:
    x, angles = images(4), (15.0, -20.0, 137.5, 3.0)
    turned = resample(x, rotation(column(*angles)), fill)
    for i, angle in enumerate(angles):
        expected = ndimage.rotate(
            x[i].numpy().astype(float), angle, axes=(1, 2), reshape=False, order=1, mode="grid-constant", cval=fill
        )
        np.testing.assert_allclose(turned[i], expected, atol=3e-3)


@pytest.mark.parametrize("fill", [0.0, 255.0])
def test_affine_against_scipy(fill: float) -> None:
    """Forward matrices by (row, column), built here factor by factor: scale, then shear, then rotate, then shift."""
    x = images(3)
    given = [(0.0, (1.7, -2.2), 1.1, 10.0), (30.0, (0.0, 3.0), 0.8, -25.0), (-12.0, (-5.5, 0.3), 1.0, 0.0)]
    degrees, shift, scale, shear = (torch.tensor(v, dtype=torch.float64) for v in zip(*given, strict=True))
    moved = resample(x, affine_backward(degrees, shift, scale, shear), fill)
    for i, (angle, (right, down), s, phi) in enumerate(given):
        a, t = np.deg2rad(angle), np.tan(np.deg2rad(phi))
        scaled = np.diag([s, s, 1.0])
        sheared = np.array([[1, 0, 0], [t, 1, 0], [0, 0, 1.0]])  # the column grows with the row
        turned = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])  # row grows downwards
        shifted = np.array([[1, 0, down], [0, 1, right], [0, 0, 1.0]])
        expected = scipy_affine(x[i].numpy(), shifted @ turned @ sheared @ scaled, fill)
        np.testing.assert_allclose(moved[i], expected, atol=3e-3)


def test_whole_pixel_shift_agrees_between_gather_and_resample() -> None:
    x, matrix = images(3), translation(column(2, -1, 0)[:, None] * column(1, 1)[None])
    torch.testing.assert_close(gather(x, matrix, 5.0), resample(x, matrix, 5.0), rtol=0, atol=2e-3)
    np.testing.assert_array_equal(gather(x, matrix, 5.0)[0, :, :-2, :-2], x[0, :, 2:, 2:])
    assert (gather(x, matrix, 5.0)[0, :, -2:] == 5).all()


def test_neighbours_are_one_resampling_in_the_order_of_the_list() -> None:
    """Crop then rotation: first shifted, then turned; a second interpolation would blur."""
    n, crop, turn = 6, CropSpec(name="crop", padding=3), RotationSpec(name="rotation", degrees=40)
    x = images(n)
    fused = augment_images(x, [(crop, draws(n)), (turn, draws(n, 2)), (H_FLIP, draws(n, 3))])
    size = (12, 17)
    for i in range(n):
        right, down = backward_matrix(crop, draws(n), size)[i, :2, 2].tolist()
        sine, cosine = backward_matrix(turn, draws(n, 2), size)[i, 1, :2].tolist()
        shifted = np.array([[1, 0, -down], [0, 1, -right], [0, 0, 1]])
        turned = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        expected = scipy_affine(x[i].numpy(), turned @ shifted, 0.0)[..., ::-1]
        np.testing.assert_allclose(fused[i], expected, atol=3e-3)


def test_other_fills_and_pixelwise_steps_part_the_resamplings() -> None:
    n, x = 5, images(5)
    turn = RotationSpec(name="rotation", degrees=40, fill=255)
    crop, darker = CropSpec(name="crop", padding=3), BrightnessSpec(name="brightness", amount=0.5)
    for first in (crop, darker):
        apart = augment_images(augment_images(x, [(first, draws(n))]), [(turn, draws(n, 2))])
        together = augment_images(x, [(first, draws(n)), (turn, draws(n, 2))])
        torch.testing.assert_close(together, apart, rtol=0, atol=0)


def test_angles_and_shifts_cover_their_ranges() -> None:
    n, size = 4000, (40, 20)
    turned = backward_matrix(RotationSpec(name="rotation", degrees=20), draws(n), size)
    angles = torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0])).numpy()
    assert stats.kstest(angles, stats.uniform(-20, 40).cdf).pvalue > 0.01
    spec = AffineSpec(name="affine", degrees=0, translate=0.1, scale=(0.5, 2), shear=30)
    forward = torch.linalg.inv(backward_matrix(spec, draws(n), size))
    np.testing.assert_allclose(forward[:, 1, 0], 0, atol=1e-12)
    for values, low, high in (
        (forward[:, 0, 2], -2, 2),  # a tenth of the width
        (forward[:, 1, 2], -4, 4),  # … and of the height
        (forward[:, 0, 0], 0.5, 2),
        (torch.rad2deg(torch.atan(forward[:, 0, 1] / forward[:, 0, 0])), -30, 30),
    ):
        assert stats.kstest(values.numpy(), stats.uniform(low, high - low).cdf).pvalue > 0.01


def test_erased_rectangles() -> None:
    n = 3000
    x = images(n, 2, 32, 32) + 1
    spec = ErasingSpec(name="erasing", p=0.6, area=(0.05, 0.25), aspect=(0.5, 2.0), fill=0)
    erased = augment_images(x, [(spec, draws(n))])
    gone = (erased != x).numpy()
    assert (erased.numpy()[gone] == 0).all()
    assert (gone[:, 0] == gone[:, 1]).all()
    chosen = gone[:, 0].any((1, 2))
    assert chosen.mean() == pytest.approx(0.6, abs=0.03)
    area, height, width = gone[chosen, 0].sum((1, 2)), gone[chosen, 0].any(2).sum(1), gone[chosen, 0].any(1).sum(1)
    np.testing.assert_array_equal(area, height * width)  # one whole rectangle
    shares = area / 32**2
    assert stats.kstest(shares, stats.uniform(0.05, 0.2).cdf).statistic < 0.05  # whole pixels only
    assert (height / width).min() > 0.4
    assert (height / width).max() < 2.5
    assert np.log(height / width).mean() == pytest.approx(0, abs=0.03)  # as often tall as flat
    where = gone[chosen, 0].mean(0)
    assert where[0, 0] > 0  # corners are reached
    assert where[-1, -1] > 0


@pytest.mark.parametrize("aspect", [(0.001, 0.002), (1.0, 1.0), (500.0, 1000.0)])
def test_erased_rectangles_always_fit(aspect: tuple[float, float]) -> None:
    spec = ErasingSpec(name="erasing", p=1, area=(0.0, 0.9), aspect=aspect)
    top, left, height, width = rectangle(spec, draws(500).uniform(5), (8, 30))
    assert min(top.min(), left.min()) >= 0
    assert min(height.min(), width.min()) >= 1
    assert (top + height).max() <= 8
    assert (left + width).max() <= 30


def test_cutout_is_a_square_about_a_pixel() -> None:
    n, size = 2000, 4
    x = torch.ones((n, 1, 6, 9))
    cut = augment_images(x, [(CutoutSpec(name="cutout", size=size, fill=50), draws(n))]).numpy()[:, 0]
    assert set(np.unique(cut)) == {1, 50}
    possible = {}
    for r in range(6):
        for c in range(9):
            one = np.ones((6, 9), np.float32)
            one[max(r - 2, 0) : r + 2, max(c - 2, 0) : c + 2] = 50
            possible.setdefault(one.tobytes(), []).append((r, c))
    counts = dict.fromkeys(possible, 0)
    for image in cut:
        counts[image.tobytes()] += 1  # a KeyError is a square that cannot be
    expected = [n * len(centres) / 54 for centres in possible.values()]
    assert stats.chisquare(list(counts.values()), expected).pvalue > 0.01


def test_brightness_by_hand() -> None:
    n, x = 2000, torch.full((2000, 1, 1, 2), 100.0)
    x[:, :, :, 1] = 200.0
    lit = augment_images(x, [(BrightnessSpec(name="brightness", amount=0.5), draws(n))])[:, 0, 0]
    factor = lit[:, 0] / 100
    torch.testing.assert_close(lit[:, 1], (200 * factor).clamp(max=255))
    assert (lit[:, 1] == 255).any()
    assert stats.kstest(factor.numpy(), stats.uniform(0.5, 1).cdf).pvalue > 0.01


def test_contrast_by_hand() -> None:
    """Mean 100 over three pixels of two channels: 40, 100, 160 and 100, 100, 100."""
    n = 2000
    x = torch.tensor([[[[40.0, 100.0, 160.0]], [[100.0, 100.0, 100.0]]]]).repeat(n, 1, 1, 1)
    out = augment_images(x, [(ContrastSpec(name="contrast", amount=0.2), draws(n))])
    torch.testing.assert_close(out[:, 1], x[:, 1])
    factor = (out[:, 0, 0, 2] - 100) / 60
    torch.testing.assert_close(out[:, 0, 0, 0], 100 - 60 * factor)
    assert stats.kstest(factor.numpy(), stats.uniform(0.8, 0.4).cdf).pvalue > 0.01


def test_contrast_stays_within_pixels() -> None:
    x = torch.tensor([0.0, 255.0, 255.0, 255.0, 0.0]).view(1, 1, 1, 5).repeat(50, 1, 1, 1)
    out = augment_images(x, [(ContrastSpec(name="contrast", amount=1), draws(50))])
    assert out.min() == 0
    assert out.max() == 255
    assert out[:, 0, 0, 0].max() > 100  # some lost nearly all contrast
