"""Records to rows of the tables, and back, exactly."""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from paribus.record import (
    DataSummary,
    Environment,
    EpochRow,
    LayerRow,
    PlannedTrial,
    Predictions,
    TrialFailure,
    TrialPruned,
    TrialRecord,
)
from paribus.spec import StudySpec, TrialSpec
from paribus.store.base import StoredStudy

LONGEST_ID = 16_384
"""Bytes of an example's id as JSON, on average."""

Row = Mapping[Any, Any]
Examples = tuple[npt.NDArray[np.str_], npt.NDArray[np.int64]]
"""Ids and classes of one part."""

_environment = TypeAdapter(Environment)
_data = TypeAdapter(DataSummary)
_layers = TypeAdapter(tuple[LayerRow, ...])
_history = TypeAdapter(tuple[EpochRow, ...])
_cell = TypeAdapter(tuple[tuple[str, str], ...])
_bar = TypeAdapter(tuple[float, ...])


def storable(text: str) -> str:
    """Text that every database takes: lone surrogates and NUL are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


# ---------------------------------------------------------------- studies


def study_row(study: StudySpec, planned: Sequence[PlannedTrial]) -> dict[str, Any]:
    """The columns of `study` that say what it is."""
    spec = study.model_dump_json(exclude_unset=True)  # what was set and what is default make a difference to patches
    return {"content": study_content(study, planned), "spec": spec}


def study_content(study: StudySpec, planned: Sequence[PlannedTrial]) -> str:
    """SHA-256 of what makes a study the same study: of a search all but its budget, and its first trial."""
    same = study.without_budget().model_dump_json(exclude_unset=True)
    content = json.dumps([same, [trial.trial_id for trial in planned]])
    return hashlib.sha256(content.encode()).hexdigest()


def planned_rows(study_id: int, planned: Sequence[PlannedTrial], start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "study_id": study_id,
            "position": position,
            "trial_id": trial.trial_id,
            "cell": _cell.dump_json(trial.cell).decode(),
            "spec": trial.spec.model_dump_json(),
            "bar": json.dumps(trial.bar) if trial.bar else None,
        }
        for position, trial in enumerate(planned, start)
    ]


_SEED = re.compile(r"(\d+)\}")


def _specs(planned: Sequence[Row]) -> Iterator[TrialSpec]:
    """The specifications of planned trials.

    Trials of a cell differ in their seed alone, and it is the last thing in the text. So texts that are the same up to
    there are read once, and the others are that with another seed, which is several times as fast.
    """
    known: dict[str, TrialSpec] = {}
    for row in planned:
        head, _, tail = row["spec"].rpartition('"seed":')
        like, seed = known.get(head), _SEED.fullmatch(tail)
        if like is None or seed is None:
            known[head] = like = TrialSpec.model_validate_json(row["spec"])
            yield like
        else:
            yield like.model_copy(update={"seed": int(seed[1])})


def stored_study(row: Row, planned: Sequence[Row]) -> StoredStudy:
    """The study of a row of `study` and its rows of `study_trial`, in order."""
    return StoredStudy(
        study_id=row["id"],
        study=StudySpec.model_validate_json(row["spec"]),
        planned=tuple(
            PlannedTrial(
                cell=_cell.validate_json(each["cell"]),
                spec=spec,
                trial_id=each["trial_id"],
                bar=_bar.validate_json(each.get("bar") or "[]"),
            )
            for each, spec in zip(planned, _specs(planned), strict=True)
        ),
        created=row["created"],
        command=row["command"],
    )


# ---------------------------------------------------------------- trials


def trial_row(outcome: TrialRecord | TrialFailure, added: str) -> dict[str, Any]:
    """The row of `trial`."""
    environment = outcome.environment
    row: dict[str, Any] = {
        "id": outcome.trial_id,
        "spec": outcome.spec.model_dump_json(),
        "fingerprint": outcome.fingerprint,
        "environment": None if environment is None else _environment.dump_json(environment).decode(),
        "seconds": outcome.seconds,
        "added": added,
    }
    if isinstance(outcome, TrialFailure):
        return row | {
            "status": "failed",
            "failure_kind": storable(outcome.kind),
            "failure_message": storable(outcome.message),
            "failure_traceback": storable(outcome.traceback),
        }
    return row | {
        "status": "finished",
        "data": _data.dump_json(outcome.data).decode(),
        "layers": _layers.dump_json(outcome.layers).decode(),
        "selected_epoch": int(outcome.selected_epoch),
        "stopped_early": bool(outcome.stopped_early),
        "checkpoint": outcome.checkpoint,
    }


def pruned_row(study_id: int, outcome: TrialPruned, added: str) -> dict[str, Any]:
    """The row of `pruned`."""
    return {
        "study_id": study_id,
        "trial_id": outcome.trial_id,
        "spec": outcome.spec.model_dump_json(),
        "fingerprint": outcome.fingerprint,
        "environment": _environment.dump_json(outcome.environment).decode(),
        "history": _history.dump_json(outcome.history).decode(),
        "seconds": outcome.seconds,
        "added": added,
    }


def trial_pruned(row: Row) -> TrialPruned:
    """What a row of `pruned` holds.

    Raises:
        ValueError: it is no beginning of a trial.
    """
    history = _history.validate_json(row["history"])
    if not history:
        raise ValueError("a pruned trial has no epoch")
    return TrialPruned(
        trial_id=row["trial_id"],
        spec=TrialSpec.model_validate_json(row["spec"]),
        fingerprint=row["fingerprint"],
        environment=_environment.validate_json(row["environment"]),
        history=history,
        seconds=row["seconds"],
    )


def epoch_rows(record: TrialRecord) -> list[dict[str, Any]]:
    return [{**asdict(row), "epoch": int(row.epoch), "trial_id": record.trial_id} for row in record.history]


def trial_record(row: Row, epochs: Iterable[Row], predictions: dict[str, Predictions]) -> TrialRecord:
    """The record of a row of `trial`, its rows of `epoch` in order, and its predictions.

    Raises:
        ValueError: they do not belong together.
    """
    record = TrialRecord(
        trial_id=row["id"],
        spec=TrialSpec.model_validate_json(row["spec"]),
        fingerprint=row["fingerprint"],
        environment=_environment.validate_json(row["environment"]),
        data=_data.validate_json(row["data"]),
        layers=_layers.validate_json(row["layers"]),
        history=tuple(EpochRow(**{field.name: each[field.name] for field in fields(EpochRow)}) for each in epochs),
        selected_epoch=row["selected_epoch"],
        stopped_early=row["stopped_early"],
        predictions=predictions,
        checkpoint=row["checkpoint"],
        seconds=row["seconds"],
    )
    _must_hold_together(record)
    return record


def _must_hold_together(record: TrialRecord) -> None:
    n_classes = len(record.data.class_names)
    if not record.history or not 1 <= record.selected_epoch <= len(record.history):
        raise ValueError(f"epoch {record.selected_epoch} was selected of {len(record.history)}")
    for part, predictions in record.predictions.items():
        if predictions.logits.shape[1] != n_classes or not np.isin(predictions.y, np.arange(n_classes)).all():
            raise ValueError(f"predictions for {part} are of other than the {n_classes} classes")


def trial_failure(row: Row) -> TrialFailure:
    """The failure of a row of `trial`."""
    environment = row["environment"]
    return TrialFailure(
        trial_id=row["id"],
        spec=TrialSpec.model_validate_json(row["spec"]),
        fingerprint=row["fingerprint"],
        environment=None if environment is None else _environment.validate_json(environment),
        kind=row["failure_kind"],
        message=row["failure_message"],
        traceback=row["failure_traceback"],
        seconds=row["seconds"],
    )


# ---------------------------------------------------------------- predictions


def example_set_row(predictions: Predictions) -> dict[str, Any]:
    """The row of `example_set`; equal examples, in the same order, give the same row."""
    ids = json.dumps(predictions.ids.tolist()).encode()
    y = predictions.y.astype("<i8").tobytes()
    return {"id": _examples_id(ids, y), "ids": zlib.compress(ids), "y": y}


def examples(row: Row) -> Examples:
    """Ids and classes of a row of `example_set`.

    Raises:
        ValueError: they are not those that were stored.
    """
    ids = _inflate(row["ids"], at_most=len(row["y"]) // 8 * LONGEST_ID + 2)
    if _examples_id(ids, row["y"]) != row["id"]:
        raise ValueError("example ids and classes are not those that were stored")
    return np.array(json.loads(ids), dtype=np.str_), np.frombuffer(row["y"], "<i8").astype(np.int64, copy=False)


def _inflate(content: bytes, at_most: int) -> bytes:
    """A few kilobytes can unpack to any size; no more is unpacked than there can be."""
    inflater = zlib.decompressobj()
    found = inflater.decompress(content, at_most)
    if not inflater.eof:
        raise ValueError("example ids are cut off, or longer than they can be")
    return found


def _examples_id(ids: bytes, y: bytes) -> str:
    return hashlib.sha256(len(ids).to_bytes(8, "little") + ids + y).hexdigest()


def prediction_row(trial_id: str, part: str, predictions: Predictions, example_set_id: str) -> dict[str, Any]:
    logits = predictions.logits.astype("<f4").tobytes()
    return {
        "trial_id": trial_id,
        "part": part,
        "example_set_id": example_set_id,
        "n_classes": predictions.logits.shape[1],
        "logits": logits,
        "crc32": zlib.crc32(logits),
    }


def stored_predictions(row: Row, of: Examples) -> Predictions:
    """The predictions of a row of `prediction` for the examples ``of`` its set.

    Raises:
        ValueError: they are not those that were stored.
    """
    if zlib.crc32(row["logits"]) != row["crc32"]:
        raise ValueError("logits are not those that were stored")
    if row["n_classes"] < 1:
        raise ValueError("predictions are of no classes")
    ids, y = of
    logits = np.frombuffer(row["logits"], "<f4").reshape(len(y), row["n_classes"])
    return Predictions(ids=ids, y=y, logits=logits.astype(np.float32, copy=False))
