"""Sizes along one axis, and inputs too small for a network, in words."""

from paribus.errors import ModelError


def convolved(size: int, kernel: int) -> int:
    """Output size of a convolution along one axis, without padding and by steps of one."""
    return size - kernel + 1


def need_at_least(network: str, what: str, given: int, needed: int) -> None:
    """Raise ModelError unless ``given >= needed``."""
    if given < needed:
        raise ModelError(f"input of {given} {what} is too short for {network}: needs at least {needed}")


def need_one_plane(network: str, input_shape: tuple[int, int, int]) -> None:
    """Raise ModelError unless the input is one plane of EEG, (1, n_channels, n_times)."""
    if input_shape[0] != 1:
        raise ModelError(
            f"{network} takes EEG trials of shape (1, n_channels, n_times), the data have {input_shape}: "
            "choose a network for images, as simple_cnn"
        )
