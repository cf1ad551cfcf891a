"""The examples of one part, a batch at a time, as the network sees them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from paribus.data.dataset import Dataset, Kind
from paribus.data.normalise import Normalisation, apply
from paribus.training.augment import Augment

KEPT_WHOLE = 64 * 2**20
"""Parts of so many bytes as float32 are normalised once and kept; larger ones batch by batch, to the same bits."""
SHARE_OF_GPU = 8
"""On a GPU, parts of up to one part in so many of its free memory are kept there, where nothing has to be fetched."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples of one part; no more of them than a batch is held as floats, unless they are few.

    Attributes:
        source: (N, C, H, W) of the whole data set, uint8 or float32; may be a memory map.
        rows: (n,) of this part in it.
        y: (n,) int64, on the CPU.
        kind: EEG is augmented after normalisation, images before (as pixels).
        normalisation: of the trial.
        device: where batches go.
        whole: (n, C, H, W) float32 normalised, on the device; None where that would be too large.
    """

    source: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    y: torch.Tensor
    kind: Kind
    normalisation: Normalisation
    device: torch.device
    whole: torch.Tensor | None

    def __len__(self) -> int:
        return len(self.rows)

    def batch(
        self, positions: torch.Tensor, augment: Augment | None = None, whose: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(B, C, H, W) float32 on the device.

        Args:
            positions: (B,) int64 within this part.
            augment: of the epoch; never given for validation or test.
            whose: (B,) int64, whose draws each example has (`augmenter`); given with augment.
        """
        if augment is None or whose is None:
            return self._normalised(positions)
        if self.kind == "eeg":
            return augment(self._normalised(positions).cpu(), whose).to(self.device)
        pixels = torch.from_numpy(self.source[self.rows[positions.numpy()]].astype(np.float32))
        return _moved(apply(augment(pixels, whose).numpy(), self.normalisation), self.device)

    def _normalised(self, positions: torch.Tensor) -> torch.Tensor:
        if self.whole is not None:
            return self.whole[positions.to(self.device)]
        return _moved(apply(self.source[self.rows[positions.numpy()]], self.normalisation), self.device)


def _moved(x: npt.NDArray[np.float32], device: torch.device) -> torch.Tensor:
    """On the device; a GPU fetches it from pinned memory while the processor makes the next batch."""
    tensor = torch.from_numpy(x)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def room(device: torch.device) -> int:
    """Bytes of float32 that a part may take to be kept whole."""
    if device.type != "cuda":
        return KEPT_WHOLE
    free, _ = torch.cuda.mem_get_info(device)
    return max(KEPT_WHOLE, free // SHARE_OF_GPU)


def prepare(
    dataset: Dataset, rows: npt.NDArray[np.int64], normalisation: Normalisation, device: torch.device
) -> Examples:
    """The examples of some rows of a data set."""
    return _examples(dataset.x, rows, torch.from_numpy(dataset.y[rows]), dataset.kind, normalisation, device)


def unlabelled(x: npt.NDArray[Any], kind: Kind, normalisation: Normalisation, device: torch.device) -> Examples:
    """Examples (N, C, H, W) whose classes are not known; y is -1."""
    y = torch.full((len(x),), -1)
    return _examples(x, np.arange(len(x)), y, kind, normalisation, device)


def _examples(
    x: npt.NDArray[Any],
    rows: npt.NDArray[np.int64],
    y: torch.Tensor,
    kind: Kind,
    normalisation: Normalisation,
    device: torch.device,
) -> Examples:
    few = 4 * len(rows) * x[:1].size <= room(device)
    whole = torch.from_numpy(apply(x[rows], normalisation)).to(device) if few else None
    return Examples(x, rows, y, kind, normalisation, device, whole)
