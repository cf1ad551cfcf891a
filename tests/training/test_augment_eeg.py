"""Augmentation of EEG against numpy."""

import numpy as np
import pytest
import torch
from scipy import stats

from paribus.spec import (
    ChannelDropoutSpec,
    EEGAugmentation,
    FourierSurrogateSpec,
    GaussianNoiseSpec,
    SignFlipSpec,
    TimeMaskSpec,
    TimeShiftSpec,
)
from paribus.training.augment_draws import Draws, keys
from paribus.training.augment_eeg import augment_eeg, phase_shift, time_shift


def trials(n: int, channels: int = 3, times: int = 40) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(n, 1, channels, times)).astype(np.float32))


def augmented(x: torch.Tensor, spec: EEGAugmentation) -> np.ndarray:
    return augment_eeg(x, [(spec, Draws(1, keys(torch.arange(len(x)), len(x))))]).numpy()


def test_time_shift_is_exact_and_zeros_move_in() -> None:
    x = trials(4)
    shifted = time_shift(x, torch.tensor([3, -5, 0, 39])).numpy()
    for i, s in enumerate((3, -5, 0, 39)):
        expected = np.zeros((1, 3, 40), np.float32)
        expected[..., max(s, 0) : 40 + min(s, 0)] = x[i].numpy()[..., max(-s, 0) : 40 - max(s, 0)]
        np.testing.assert_array_equal(shifted[i], expected)


def test_each_shift_is_as_likely() -> None:
    impulse = torch.zeros((1500, 1, 1, 21))
    impulse[..., 10] = 1
    where = augmented(impulse, TimeShiftSpec(name="time_shift", samples=7))[:, 0, 0].argmax(1) - 10
    counts = np.bincount(where + 7, minlength=15)
    assert len(counts) == 15
    assert stats.chisquare(counts).pvalue > 0.01


def test_channels_are_dropped_one_by_one() -> None:
    x = trials(1000, channels=4, times=5)
    out = augmented(x, ChannelDropoutSpec(name="channel_dropout", p=0.2))
    gone = (out == 0).all((1, 3))
    np.testing.assert_array_equal(out, np.where(gone[:, None, :, None], 0, x))
    np.testing.assert_allclose(gone.mean(0), 0.2, atol=0.04)
    assert abs(np.corrcoef(gone.T) - np.eye(4)).max() < 0.1
    np.testing.assert_array_equal(augmented(x, ChannelDropoutSpec(name="channel_dropout", p=0.0)), x)


def test_noise_is_normal_and_independent() -> None:
    x = trials(60, channels=5, times=51)
    noise = augmented(x, GaussianNoiseSpec(name="gaussian_noise", std=0.5)) - x.numpy()
    assert stats.kstest(noise.ravel() / 0.5, "norm").pvalue > 0.01
    flat = noise[:, 0].transpose(1, 0, 2).reshape(5, -1)
    assert abs(np.corrcoef(flat) - np.eye(5)).max() < 0.07
    assert abs(np.corrcoef(noise[..., :-1].ravel(), noise[..., 1:].ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("p", [0.0, 0.25, 1.0])
def test_whole_trials_change_sign(p: float) -> None:
    x = trials(1500, times=4)
    out = augmented(x, SignFlipSpec(name="sign_flip", p=p))
    flipped = (out == -x.numpy()).all((1, 2, 3))
    np.testing.assert_array_equal(out[~flipped], x.numpy()[~flipped])
    assert flipped.mean() == pytest.approx(p, abs=0.04)


def test_a_stretch_of_time_is_masked_in_all_channels() -> None:
    x = trials(2000, times=20)
    out = augmented(x, TimeMaskSpec(name="time_mask", samples=6, p=0.75))
    gone = out == 0
    np.testing.assert_array_equal(out[~gone], x.numpy()[~gone])
    assert (gone == gone[:, :, :1]).all()
    masked = gone[:, 0, 0]
    done = masked.any(1)
    assert done.mean() == pytest.approx(0.75, abs=0.04)
    assert set(masked[done].sum(1).tolist()) == {6}
    starts = masked[done].argmax(1)
    np.testing.assert_array_equal(np.diff(np.flatnonzero(masked[done][0])), 1)
    counts = np.bincount(starts, minlength=15)
    assert len(counts) == 15
    assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("times", [40, 41])
def test_surrogates_keep_amplitudes_and_what_channels_have_in_common(times: int) -> None:
    x = trials(200, times=times)
    out = augmented(x, FourierSurrogateSpec(name="fourier_surrogate", phase=0.5, p=1))
    before, after = np.fft.rfft(x.numpy().astype(float)), np.fft.rfft(out.astype(float))
    np.testing.assert_allclose(abs(after), abs(before), atol=2e-4)
    turn = np.angle(after[..., 1:20] / before[..., 1:20])[:, 0]
    clear = (abs(before[:, 0, :, 1:20]) > 1).all(1)  # phases of tiny amplitudes are noise
    np.testing.assert_allclose(turn[:, 1][clear], turn[:, 0][clear], atol=2e-3)
    np.testing.assert_allclose(turn[:, 2][clear], turn[:, 0][clear], atol=2e-3)
    np.testing.assert_allclose(out.mean(3), x.numpy().mean(3), atol=1e-5)
    assert stats.kstest(turn[:, 0][clear] / np.pi, stats.uniform(-0.5, 1).cdf).pvalue > 0.01


def test_phase_shift_of_a_sine_by_hand() -> None:
    t = torch.arange(64) * (2 * torch.pi * 4 / 64)
    phase = torch.zeros((1, 33), dtype=torch.float64)
    phase[0, 4] = torch.pi / 2
    torch.testing.assert_close(phase_shift(t.sin().view(1, 1, 1, 64), phase)[0, 0, 0], t.cos(), rtol=0, atol=1e-5)


def test_some_surrogates_only() -> None:
    x = trials(400)
    same = (augmented(x, FourierSurrogateSpec(name="fourier_surrogate", p=0.3)) == x.numpy()).all((1, 2, 3))
    assert same.mean() == pytest.approx(0.7, abs=0.07)
