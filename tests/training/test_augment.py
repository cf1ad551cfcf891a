"""What augmentation promises: draws that belong to the example, and refusals of what does not fit."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from scipy import stats

from paribus.data.dataset import Kind
from paribus.errors import TrainingError
from paribus.spec import AnyAugmentation, AugmentationSpec, MixupSpec
from paribus.training.augment import augmenter, check, mixed, mixup_of

IMAGE = [
    "crop",
    "horizontal_flip",
    "vertical_flip",
    "rotation",
    "affine",
    "erasing",
    "cutout",
    "brightness",
    "contrast",
]
EEG = [
    "time_shift",
    "channel_dropout",
    "gaussian_noise",
    "sign_flip",
    {"name": "time_mask", "samples": 10},
    "fourier_surrogate",
]
EACH = [("image", [one]) for one in IMAGE] + [("eeg", [one]) for one in EEG] + [("image", IMAGE), ("eeg", EEG)]
N_ROWS = 100
BYTES, FLOATS = np.dtype(np.uint8), np.dtype(np.float32)


def specs(*given: Any) -> tuple[AnyAugmentation, ...]:
    return TypeAdapter(tuple[AugmentationSpec, ...]).validate_python(given)


def examples(kind: Kind, n: int = N_ROWS) -> torch.Tensor:
    rng = np.random.default_rng(0)
    if kind == "image":
        return torch.from_numpy(rng.integers(0, 256, (n, 3, 13, 16)).astype(np.float32))
    return torch.from_numpy(rng.normal(size=(n, 1, 5, 32)).astype(np.float32))


def augmented(
    given: list[Any], kind: Kind, rows: torch.Tensor, seed: int = 0, epoch: int = 1, n_rows: int = N_ROWS
) -> torch.Tensor:
    augment = augmenter(specs(*given), kind, n_rows, seed, epoch)
    assert augment is not None
    return augment(examples(kind)[rows % n_rows], rows)


@pytest.mark.parametrize(("kind", "given"), EACH, ids=str)
def test_an_example_is_augmented_alike_in_any_batch(kind: Kind, given: list[Any]) -> None:
    everything = augmented(given, kind, torch.arange(N_ROWS))
    for rows in (torch.tensor([7]), torch.arange(99, 10, -3), torch.tensor([4, 4, 99, 0, 31])):
        batch = augmented(given, kind, rows)
        if given[0] == "fourier_surrogate" or len(given) == len(EEG):  # FFT libraries may treat batches by size
            torch.testing.assert_close(batch, everything[rows], rtol=0, atol=1e-5)
        else:
            torch.testing.assert_close(batch, everything[rows], rtol=0, atol=0)


@pytest.mark.parametrize(("kind", "given"), EACH, ids=str)
def test_epochs_seeds_and_copies_differ_and_repeat(kind: Kind, given: list[Any]) -> None:
    rows = torch.arange(N_ROWS)
    once = augmented(given, kind, rows, seed=3, epoch=5)
    torch.testing.assert_close(augmented(given, kind, rows, seed=3, epoch=5), once, rtol=0, atol=0)
    for other in (
        augmented(given, kind, rows, seed=3, epoch=6),
        augmented(given, kind, rows, seed=4, epoch=5),
        augmented(given, kind, rows + N_ROWS, seed=3, epoch=5),
    ):
        changed = (other != once).flatten(1).any(1)
        assert changed.double().mean() > 0.2  # two flips of the same chance agree half of the time
    assert (once != examples(kind)).flatten(1).any(1).double().mean() > 0.2


@pytest.mark.parametrize(("kind", "given"), EACH, ids=str)
def test_gives_a_new_tensor_of_the_same_shape(kind: Kind, given: list[Any]) -> None:
    x = examples(kind)
    before = x.clone()
    augment = augmenter(specs(*given), kind, N_ROWS, 0, 1)
    assert augment is not None
    out = augment(x, torch.arange(N_ROWS))
    assert out.shape == x.shape
    assert out.dtype == torch.float32
    assert out.is_contiguous()
    assert out.isfinite().all()
    assert out.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    if kind == "image":
        assert out.min() >= -1e-3
        assert out.max() <= 255 + 1e-3


def test_runs_under_deterministic_algorithms() -> None:
    was = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        for kind, given in EACH[-2:]:
            augmented(given, kind, torch.arange(9))
        mixed(examples("eeg", 9), torch.zeros(9, dtype=torch.int64), MixupSpec(name="mixup"), torch.arange(9), 2, 0, 1)
    finally:
        torch.use_deterministic_algorithms(was)


def test_other_augmentations_leave_draws_as_they_are() -> None:
    """Who is flipped stays the same with brightness, a crop or a flip of the other kind around it."""
    rows, flip = torch.arange(N_ROWS), {"name": "horizontal_flip"}
    alone = augmented([flip], "image", rows)
    black = {"name": "brightness", "amount": 1e-9}
    torch.testing.assert_close(augmented([flip, black], "image", rows), alone, rtol=1e-6, atol=0)
    torch.testing.assert_close(augmented([black, flip], "image", rows), alone, rtol=1e-6, atol=0)
    upright = {"name": "vertical_flip", "p": 1.0}
    torch.testing.assert_close(augmented([upright, flip], "image", rows), alone.flip(2), rtol=0, atol=0)
    noise = augmented(["gaussian_noise"], "eeg", rows) - examples("eeg")
    after_shift = augmented(["time_shift", "gaussian_noise"], "eeg", rows) - augmented(["time_shift"], "eeg", rows)
    torch.testing.assert_close(after_shift, noise, rtol=0, atol=1e-6)


def test_a_higher_chance_adds_to_those_chosen() -> None:
    rows, x = torch.arange(N_ROWS), examples("image")
    chosen = [
        (augmented([{"name": "vertical_flip", "p": p}], "image", rows) != x).flatten(1).any(1) for p in (0.2, 0.6)
    ]
    assert (chosen[1] | ~chosen[0]).all()
    assert chosen[1].sum() > chosen[0].sum() > 0


def test_two_of_a_name_draw_apart() -> None:
    rows, x = torch.arange(N_ROWS), examples("image")
    twice = augmented(["horizontal_flip", "horizontal_flip"], "image", rows)
    share = (twice != x).flatten(1).any(1).double().mean().item()
    assert share == pytest.approx(0.5, abs=0.15)  # the same draw twice would undo itself


def test_draws_do_not_depend_on_the_size_of_the_data() -> None:
    rows = torch.tensor([3, 50, 8])
    large = augmenter(specs(*IMAGE), "image", 60_000, 0, 1)
    assert large is not None
    torch.testing.assert_close(large(examples("image")[rows], rows), augmented(IMAGE, "image", rows), rtol=0, atol=0)


def test_nothing_to_do() -> None:
    assert augmenter((), "image", 10, 0, 1) is None
    assert augmenter(specs("mixup"), "eeg", 10, 0, 1) is None
    assert mixup_of(specs("crop", "rotation")) is None
    assert mixup_of(specs("crop", {"name": "mixup", "alpha": 0.7})) == MixupSpec(name="mixup", alpha=0.7)


@pytest.mark.parametrize("kind", ["image", "eeg"])
def test_mixup_mixes_each_with_another(kind: Kind) -> None:
    n = 40
    x, y, rows = examples(kind, n), torch.arange(n), torch.randperm(n, generator=torch.Generator().manual_seed(1)) * 2
    mixture, shares = mixed(x, y, MixupSpec(name="mixup", alpha=1.0), rows, n, seed=0, epoch=1)
    assert shares.dtype == torch.float32
    torch.testing.assert_close(shares.sum(1), torch.ones(n))
    assert set((shares > 0).sum(1).tolist()) == {2}
    own = shares[torch.arange(n), y]
    assert own.min() >= 0.5
    others = shares.clone()
    others[torch.arange(n), y] = 0
    partner = others.argmax(1)
    assert sorted(partner.tolist()) == list(range(n))  # each a partner once
    expected = torch.einsum("bj,jchw->bchw", shares.double(), x.double())
    torch.testing.assert_close(mixture.double(), expected, rtol=0, atol=1e-4)


def test_mixup_pairs_do_not_depend_on_the_order_of_the_batch() -> None:
    n, spec = 12, MixupSpec(name="mixup", alpha=0.4)
    x, y, rows = examples("image", n), torch.arange(n) % 3, torch.arange(n) + 30
    mixture, shares = mixed(x, y, spec, rows, 3, 0, 1)
    other = torch.arange(n).flip(0)
    again, again_shares = mixed(x[other], y[other], spec, rows[other], 3, 0, 1)
    torch.testing.assert_close(again, mixture[other], rtol=0, atol=0)
    torch.testing.assert_close(again_shares, shares[other], rtol=0, atol=0)
    assert not torch.equal(mixed(x, y, spec, rows, 3, 0, 2)[0], mixture)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_mixup_shares_are_of_the_beta_distribution(alpha: float) -> None:
    n = 3000
    x = torch.zeros((n, 1, 1, 1))
    _, shares = mixed(x, torch.arange(n), MixupSpec(name="mixup", alpha=alpha), torch.arange(n), n, 0, 1)
    own = shares[torch.arange(n), torch.arange(n)].double().numpy()
    beta = stats.beta(alpha, alpha)
    assert stats.kstest(own, lambda v: np.clip(2 * beta.cdf(v) - 1, 0, 1)).pvalue > 0.01


@pytest.mark.parametrize("alpha", [1e-9, 1e-3, 100.0])
def test_mixup_at_its_limits(alpha: float) -> None:
    mixture, shares = mixed(
        examples("eeg"), torch.zeros(N_ROWS, dtype=torch.int64), MixupSpec(name="mixup", alpha=alpha),
        torch.arange(N_ROWS), 2, 0, 1,
    )  # fmt: skip
    assert mixture.isfinite().all()
    torch.testing.assert_close(shares, torch.tensor([[1.0, 0.0]]).repeat(N_ROWS, 1))


def test_mixup_of_one_example_leaves_it() -> None:
    x, y = examples("eeg", 1), torch.tensor([1])
    mixture, shares = mixed(x, y, MixupSpec(name="mixup"), torch.tensor([5]), 2, 0, 1)
    torch.testing.assert_close(mixture, x)
    torch.testing.assert_close(shares, torch.tensor([[0.0, 1.0]]))


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (["sign_flip"], "image", "train.augmentation.0: sign_flip is for EEG"),
        (["mixup", "rotation"], "eeg", "train.augmentation.1: rotation is for images"),
        ([{"name": "crop", "padding": 12}], "image", "crop.padding must be less than the image of 12 x 32 pixels"),
        ([{"name": "cutout", "size": 13}], "image", "cutout.size must be at most the image of 12 x 32 pixels, got 13"),
        ([{"name": "time_shift", "samples": 32}], "eeg", "time_shift.samples must be less than the trial of 32"),
        (["time_mask"], "eeg", "time_mask.samples must be less than the trial of 32 samples, got 50"),
        (["mixup", "crop", "mixup"], "image", "mixup can stand only once"),
        ([{"name": "affine", "scale": (1.1, 0.9)}], "image", "affine.scale must go from the smaller to the larger"),
        ([{"name": "erasing", "area": (0.3, 0.1)}], "image", "erasing.area must go from"),
        ([{"name": "erasing", "aspect": (3, 1)}], "image", "erasing.aspect must go from"),
    ],
)
def test_refuses_what_does_not_fit(given: list[Any], kind: Kind, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        check(specs(*given), kind, (1, 12, 32), BYTES if kind == "image" else FLOATS)


def test_accepts_what_fits() -> None:
    check(specs(*IMAGE, "mixup"), "image", (1, 12, 32), BYTES)
    check(specs(*EEG, "mixup"), "eeg", (1, 12, 32), FLOATS)
    check((), "eeg", (1, 1, 1), FLOATS)
    check(specs({"name": "crop", "padding": 11}, {"name": "cutout", "size": 12}), "image", (1, 12, 32), BYTES)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("brightness", "augmentation.0: brightness needs pixels of 0 to 255 as uint8"),
        ("contrast", "contrast needs pixels of 0 to 255 as uint8, and these images are float32"),
        ({"name": "rotation", "fill": 128.0}, "rotation.fill other than 0 needs pixels"),
    ],
)
def test_images_in_units_of_their_own_are_not_taken_for_bytes(given: Any, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        check(specs(given), "image", (1, 12, 32), FLOATS)
    check(specs(given), "image", (1, 12, 32), BYTES)
    check(specs("crop", "rotation", "horizontal_flip", "erasing", "mixup"), "image", (1, 12, 32), FLOATS)
