"""Public EEG by MOABB, the Mother of All BCI Benchmarks (the extra `moabb`): data sets and paradigms by name."""

import inspect
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from paribus.data.cache import cached, is_kept
from paribus.data.dataset import Dataset
from paribus.data.split import draw_in_words, draw_test
from paribus.errors import DataError
from paribus.spec import MoabbData
from paribus.suggest import did_you_mean

_LOADER_VERSION = 1
"""Goes into the cache's key. Raise it when the same recordings would be made into other trials."""
_PASSED_ON = ("fmin", "fmax", "tmin", "tmax", "resample", "channels", "events", "n_classes")
_SEPARATOR = "/"

Names = npt.NDArray[np.str_]


def load(spec: MoabbData) -> Dataset:
    """Trials as (N, 1, n_channels, n_times) in microvolts, as the paradigm filters, resamples and cuts them.

    MOABB downloads recordings when they are asked for first, and keeps them; the trials made of them are kept in the
    cache of paribus.

    Raises:
        DataError: MOABB is not installed, has no such data set or paradigm, cannot get the data or make trials of them;
            or the sessions do not give the test part that is asked for.
    """
    dataset = cached(_key(spec), lambda: _decode(spec))
    subject, session, run = np.array([name.split(_SEPARATOR)[:3] for name in dataset.ids.tolist()]).T
    group = {
        "subject": subject,
        "session": np.char.add(np.char.add(subject, _SEPARATOR), session),
        "run": np.array([_SEPARATOR.join(each) for each in zip(subject, session, run, strict=True)]),
    }[spec.groups]
    part, note = _parts(spec, dataset.y, subject, session, group)
    return replace(dataset, part=part, group=group, notes=(*dataset.notes, note))


def is_here(spec: MoabbData) -> bool:
    """Whether its trials would be read from the cache, without MOABB and its downloads."""
    try:
        return is_kept(_key(spec))
    except DataError:
        return False


def _key(spec: MoabbData) -> str:
    try:
        versions = f"{version('moabb')}/{version('mne')}"
    except PackageNotFoundError:
        raise DataError("data sets of MOABB need the library moabb: pip install 'paribus[moabb]'") from None
    asked = spec.model_dump_json(include={"dataset", "paradigm", "subjects", *_PASSED_ON})
    return f"moabb {_LOADER_VERSION}/{versions} {asked}"


def _parts(
    spec: MoabbData, y: npt.NDArray[np.int64], subject: Names, session: Names, group: Names
) -> tuple[Names, str]:
    """(N,) train or test, and a sentence that says which."""
    if spec.test != "last_session":
        part = draw_test(y, spec.test, group if spec.split_by_group else None)
        return part, draw_in_words(spec.test, part, group, whole_groups=spec.split_by_group)
    part = np.full(len(y), "train", dtype="<U10")
    last = {}
    for name in np.unique(subject).tolist():
        own = sorted(set(session[subject == name].tolist()), key=_in_order)
        if len(own) == 1:
            raise DataError(
                f"data.test: last_session needs two sessions or more of every subject, and subject {name} of "
                f"{spec.dataset} has one, `{own[0]}`: give data.test a share, as 0.2"
            )
        last[name] = own[-1]
        part[(subject == name) & (session == own[-1])] = "test"
    told = ", ".join(sorted(set(last.values()), key=_in_order))
    return part, f"test part: each subject's last session ({told}); the earlier ones train"


def _in_order(name: str) -> tuple[str | int, ...]:
    """Numbers in a name by their size: 2train before 10test. MOABB's sessions begin with the number of their order."""
    return tuple(int(each) if i % 2 else each for i, each in enumerate(re.split(r"([0-9]+)", name)))


# ---------------------------------------------------------------- by MOABB


def _decode(spec: MoabbData) -> Dataset:
    with warnings.catch_warnings():  # of MOABB and MNE, about themselves
        warnings.simplefilter("ignore")
        import mne

        with mne.utils.use_log_level("ERROR"):
            return _trials(spec)


def _trials(spec: MoabbData) -> Dataset:
    from moabb import datasets, paradigms
    from moabb.datasets.base import BaseDataset
    from moabb.paradigms.base import BaseParadigm

    source = _named(datasets, spec.dataset, BaseDataset, "data.dataset")()
    make = _named(paradigms, spec.paradigm, BaseParadigm, "data.paradigm")
    given = {name: getattr(spec, name) for name in _PASSED_ON if getattr(spec, name) is not None}
    accepted = inspect.signature(make).parameters
    if unfit := [name for name in given if name not in accepted]:
        raise DataError(f"{spec.paradigm} of MOABB takes no {' and no '.join(unfit)}: leave out data.{unfit[0]}")
    known = [int(subject) for subject in source.subject_list]
    subjects = list(spec.subjects or known)
    if unknown := sorted(set(subjects) - set(known)):
        raise DataError(
            f"data.subjects must be among those of {spec.dataset}, {_shown(known)}, got {_shown(unknown)}: "
            "leave those out"
        )
    try:
        paradigm = make(**{name: list(value) if isinstance(value, tuple) else value for name, value in given.items()})
        _refuse_bank(spec, len(paradigm.filters or ()))
        epochs, labels, _ = paradigm.get_data(source, subjects, return_epochs=True)
        _refuse_bank(spec, len(epochs) // max(len(labels), 1))  # some find their bands in the data
        x = epochs.get_data() * source.unit_factor  # volts, in the units of paradigm.get_data's own arrays
    except DataError:
        raise
    except Exception as error:  # MOABB and what reads the files may raise anything, and downloads may fail
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"MOABB cannot make {spec.paradigm} trials of {spec.dataset} ({reason[:300]}): see its page in MOABB's "
            "documentation, and the network where it has to be downloaded"
        ) from None
    class_names = tuple(sorted(map(str, set(labels.tolist()))))
    rows = epochs.metadata.groupby(["subject", "session", "run"], sort=False).cumcount()
    where = epochs.metadata[["subject", "session", "run"]].astype(str).agg(_SEPARATOR.join, axis=1)
    return Dataset(
        x=np.ascontiguousarray(x[:, None], dtype=np.float32),
        y=np.array([class_names.index(str(label)) for label in labels.tolist()], dtype=np.int64),
        ids=np.array([f"{name}{_SEPARATOR}{row:04d}" for name, row in zip(where, rows, strict=True)]),
        part=np.full(len(labels), "train", dtype="<U10"),
        class_names=class_names,
        kind="eeg",
        description=f"{spec.dataset} by MOABB, {spec.paradigm}, {len(subjects)} "
        f"subject{'s' * (len(subjects) > 1)}, {x.shape[1]} channels x {x.shape[2]} samples",
        sfreq_hz=float(epochs.info["sfreq"]),
        channel_names=tuple(epochs.ch_names),
    )


def _refuse_bank(spec: MoabbData, n_bands: int) -> None:
    if n_bands > 1:
        raise DataError(
            f"data.paradigm: {spec.paradigm} of MOABB is a filter bank, which gives every trial {n_bands} times, one "
            "a band, and a trial here is one signal: take a paradigm of one band, as LeftRightImagery, "
            "MotorImagery, SSVEP or CVEP, with data.fmin and data.fmax"
        )


def _named(module: Any, name: str, base: type, field: str) -> Any:
    """The class of this name among those that a module of MOABB has of a kind."""
    known = {
        each: found
        for each, found in vars(module).items()
        if inspect.isclass(found) and issubclass(found, base) and not inspect.isabstract(found)
    }
    if name not in known:
        raise DataError(f"{field}: MOABB has no `{name}`{did_you_mean(name, known)}: its documentation lists them")
    return known[name]


def _shown(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (f" … {numbers[-1]}" if len(numbers) > 10 else "")
