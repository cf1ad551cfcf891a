"""What `paribus export` says of the file that it wrote."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paribus.exported.write import Difference, Export


def sentences(found: "Export") -> list[str]:
    """What the file takes and gives, and how far it lies from paribus' own predictions."""
    shape, n_classes = ", ".join(map(str, found.about.input_shape)), len(found.about.class_names)
    told = [
        f"{found.path}, {found.n_bytes / 1e6:.1f} MB: takes raw {found.dtype} (N, {shape}), gives logits and "
        f"probabilities of {n_classes} classes."
    ]
    if found.missing:
        told.append(f"Checked on noise, since its data are not to be had: {found.missing}")
    tried = f"{found.n} examples of {'noise' if found.missing else 'test'}"
    own = "paribus' own"
    told.append(f"By onnxruntime, on {tried} in batches of 1, 7 and up to 256, {_apart(found.difference, own)}.")
    if found.bf16 is not None:
        told.append(
            f"That is in float32. By this checkpoint paribus predicts in bf16: {_apart(found.bf16, 'those in bf16')}."
        )
    return told


def _apart(difference: "Difference", others: str) -> str:
    return (
        f"probabilities differ from {others} by at most {difference.probability:.2g}; "
        f"examples named otherwise: {difference.n_named}"
    )
