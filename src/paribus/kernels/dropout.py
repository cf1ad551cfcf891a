"""Dropout by a hash of each element's place: the same mask in every layout, at every level and number of threads.

The hash is made of the rounds of the mixer "lowbias32" (Wellons 2018, "Prospecting for hash functions"), with one key
before the first and another before the second of three. block.cpp holds the same lines.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import nn

_FINE = 24
"""Bits of the hash that are compared with the rate."""


@dataclass(slots=True)
class Chance:
    """What all dropout of a network draws from in one step; set anew before each."""

    seed: int = 0

    def key(self, name: str) -> tuple[int, int]:
        """Two numbers of 32 bits for the layer of a name: other layers do not change them."""
        digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def threshold(p: float) -> int:
    """Hashes of 24 bits below it drop their element."""
    return int(p * (1 << _FINE) + 0.5)


def kept(shape: torch.Size, p: float, key: tuple[int, int], device: torch.device) -> torch.Tensor:
    """(shape) bool: which elements stay. Places are numbered with channels (axis 1) fastest, as in channels last.

    Args:
        shape: (B, C) or (B, C, ...).
        p: of dropping one, from 0 up to 1.
        key: of the layer in this step (`Chance.key`).
        device: where to.
    """
    last = (shape[0], *shape[2:], shape[1])
    n = shape.numel()
    h = torch.arange(n, device=device, dtype=torch.int32).mul_(_signed(0x9E3779B1)).add_(_signed(key[0]))
    h ^= (h >> 16) & 0xFFFF  # shifts of signed numbers draw the sign in
    h.mul_(0x7FEB352D)
    h ^= _signed(key[1])
    h ^= (h >> 15) & 0x1FFFF
    h.mul_(_signed(0x846CA68B))
    h ^= (h >> 16) & 0xFFFF
    h.mul_(0x7FEB352D)
    h ^= (h >> 15) & 0x1FFFF
    stays: torch.Tensor = ((h >> (32 - _FINE)) & ((1 << _FINE) - 1)).ge(threshold(p))
    return stays.view(last).movedim(-1, 1)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word


class Dropout(nn.Module):
    """In place of `nn.Dropout`, or of `nn.Dropout1d` and `nn.Dropout2d` where whole channels go.

    Args:
        plain: the layer that it stands for.
        name: of that layer in its network.
        chance: of the network.
    """

    def __init__(self, plain: nn.Dropout | nn.Dropout1d | nn.Dropout2d, name: str, chance: Chance) -> None:
        super().__init__()
        self.plain, self.name, self.chance = plain, name, chance
        self.whole_channels = not isinstance(plain, nn.Dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p = self.plain.p
        if not self.plain.training or p == 0:
            return x
        if p == 1:
            return x * 0
        shape = torch.Size(x.shape[:2]) if self.whole_channels else x.shape
        mask = kept(shape, p, self.chance.key(self.name), x.device)
        if self.whole_channels:
            mask = mask[(...,) + (None,) * (x.ndim - 2)]
        return x * mask * (1 / (1 - p))
