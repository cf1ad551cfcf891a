"""What an exported file says of itself, in ONNX's own place for that: names and texts beside the graph."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from paribus.data.dataset import Kind
from paribus.errors import CheckpointError
from paribus.record import Rule

PREFIX = "paribus."
FORMAT = 1
"""Raise it when a file would be read otherwise."""
DIGEST = PREFIX + "sha256"


@dataclass(frozen=True, slots=True)
class About:
    """All that predicting needs beside the graph.

    Attributes:
        version: of the paribus that exported it.
        trial_id: of the checkpoint.
        kind: what the axes of the input mean.
        input_shape: (C, H, W) of one example.
        class_names: one a column of the output.
        resize: whether images are brought to this size, as training's were.
        rule: how classes are named; None for argmax.
        channel_names: of EEG; empty where they are not known.
        sfreq_hz: of EEG; None where it is not known.
    """

    version: str
    trial_id: str
    kind: Kind
    input_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    resize: bool
    rule: Rule | None
    channel_names: tuple[str, ...] = ()
    sfreq_hz: float | None = None

    def to_properties(self, rest_sha256: str) -> dict[str, str]:
        """Names and texts, JSON but for the first three.

        Args:
            rest_sha256: of all else in the file, which the digest among the texts covers with them.
        """
        plain = {
            "version": self.version,
            "trial_id": self.trial_id,
            "kind": self.kind,
            "format": json.dumps(FORMAT),
            "input_shape": json.dumps(self.input_shape),
            "class_names": json.dumps(self.class_names, ensure_ascii=False),
            "resize": json.dumps(self.resize),
            "channel_names": json.dumps(self.channel_names, ensure_ascii=False),
            "sfreq_hz": json.dumps(self.sfreq_hz),
            "rule": json.dumps(None if self.rule is None else self.rule.to_json(), ensure_ascii=False),
        }
        properties = {PREFIX + name: text for name, text in plain.items()}
        return {**properties, DIGEST: _digest(properties, rest_sha256)}

    @classmethod
    def from_properties(cls, properties: Mapping[str, str], rest_sha256: str, where: str) -> "About":
        """The inverse of `to_properties`.

        Raises:
            CheckpointError: the file is not of paribus, is of a newer one, has changed, or says what cannot be.
        """
        ours = {name: text for name, text in properties.items() if name.startswith(PREFIX)}
        if DIGEST not in ours:
            raise CheckpointError(
                f"{where} was not exported by paribus, so that nobody knows what it takes and what its outputs mean: "
                "make one with `paribus export CHECKPOINT FILE.onnx`"
            )
        try:
            texts = {name.removeprefix(PREFIX): text for name, text in ours.items()}
            if int(texts["format"]) > FORMAT:
                raise CheckpointError(f"{where} was exported by a newer paribus ({texts['version']}): upgrade paribus")
            if ours.pop(DIGEST) != _digest(ours, rest_sha256):
                raise CheckpointError(
                    f"{where} has changed since it was exported, and would predict something else: export it anew"
                )
            return cls._of(texts)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise CheckpointError(
                f"{where} does not say what paribus must know of it ({error}): export it anew"
            ) from None

    @classmethod
    def _of(cls, texts: Mapping[str, str]) -> "About":
        channels, height, width = json.loads(texts["input_shape"])
        names, resize, rule = (json.loads(texts[key]) for key in ("class_names", "resize", "rule"))
        if not all(type(size) is int and 0 < size < 2**31 for size in (channels, height, width)):
            raise ValueError("input_shape must be three whole numbers above 0")
        if not isinstance(names, list) or len({str(name) for name in names}) < max(len(names), 2):
            raise ValueError("class_names must be a list of two or more different names")
        if texts["kind"] not in get_args(Kind) or not isinstance(resize, bool):
            raise ValueError("kind must be eeg or image, and resize true or false")
        channel_names = json.loads(texts.get("channel_names", "[]"))
        sfreq_hz = json.loads(texts.get("sfreq_hz", "null"))
        if not isinstance(channel_names, list):
            raise ValueError("channel_names must be a list")
        kind: Any = texts["kind"]
        return cls(
            version=texts["version"],
            trial_id=texts["trial_id"],
            kind=kind,
            input_shape=(channels, height, width),
            class_names=tuple(str(name) for name in names),
            resize=resize,
            rule=None if rule is None else Rule.from_json(rule, len(names)),
            channel_names=tuple(str(name) for name in channel_names),
            sfreq_hz=None if sfreq_hz is None else float(sfreq_hz),
        )


def _digest(properties: Mapping[str, str], rest_sha256: str) -> str:
    text = json.dumps([properties, rest_sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
