"""Descriptions of checkpoints for tests; apart from the other builders, since they need PyTorch."""

from paribus.data.normalise import Normalisation
from paribus.spec import TrialSpec
from paribus.training.checkpoint import Description, SavedScore


def make_description(spec: TrialSpec, input_shape: tuple[int, int, int]) -> Description:
    """Of a network of EEG with two channels and two classes."""
    return Description(
        trial_id="t",
        spec=spec,
        fingerprint="f",
        epoch=3,
        input_shape=input_shape,
        class_names=("left", "right"),
        kind="eeg",
        normalisation=Normalisation("train", "row", (0.1, 0.2), (1.0, 2.0)),
        threads=1,
        test=SavedScore(n=4, accuracy=0.5, loss=0.7, logits_sha256="0"),
    )
