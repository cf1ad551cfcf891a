"""Somebody's own arrays in one ``.npz`` file.

=================================  ==================================================================================
``x``                              (N, n_channels, n_times) EEG, or (N, C, H, W)
``y``                              (N,) or (N, 1), whole numbers or strings
``x_validation``, ``x_test``, …    likewise, each with its y; without ``x_test`` a test part is drawn
``group``, ``group_test``, …       (N,) strings or whole numbers, as subjects; for all parts or for none;
                                   ``data.split_by_group`` keeps them apart, in a test part that is drawn, too
``ids``, ``ids_test``, …           (N,) strings or whole numbers, distinct over all parts
``class_names``                    (n_classes,) strings; then y holds 0 ... n_classes - 1, or these names
``sfreq_hz``                       one number; the specification's has precedence
``channel_names``                  (n_channels,) strings, of EEG
``kind``                           ``eeg`` or ``image``
=================================  ==================================================================================

Without ``kind``, three axes are EEG; four are EEG when C is 1 and a sampling rate is known, else images.
With ``kind`` ``image``, three axes are (N, H, W), grey. Images of whole numbers from 0 to 255 are uint8 whatever type
they were saved in; all else becomes float32.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

from paribus.data.arrays import Array, member, read_npz, read_single, real
from paribus.data.dataset import PARTS, Dataset, Kind
from paribus.data.folder import PART_FOLDERS
from paribus.data.images import canonical
from paribus.data.split import draw_in_words, draw_test
from paribus.errors import DataError
from paribus.record import Part
from paribus.spec import NpzData
from paribus.suggest import nearest

_SUFFIXES: dict[Part, str] = {"train": "", "validation": "_validation", "test": "_test"}
_BY_PART = ("x", "y", "group", "ids")
_NAME_OF_PART = re.compile(
    rf"(?P<key>{'|'.join(_BY_PART)})_?(?P<part>{'|'.join(PART_FOLDERS)})"
    rf"|(?P<part_first>{'|'.join(PART_FOLDERS)})_?(?P<key_last>{'|'.join(_BY_PART)})"
)
"""As ``x_val`` or ``test_x``: a part that would otherwise be left out of the study."""
_KEYS = (
    *(f"{key}{suffix}" for suffix in _SUFFIXES.values() for key in _BY_PART),
    *("class_names", "channel_names", "sfreq_hz", "kind"),
)


@dataclass(frozen=True, slots=True)
class _File:
    """The arrays with the path that errors name."""

    path: Path
    arrays: dict[str, Array]

    def get(self, key: str) -> Array | None:
        return self.arrays.get(key)

    def name(self, key: str) -> str:
        return f"`{key}` in {self.path}"


def load(spec: NpzData) -> Dataset:
    """The examples of a ``.npz`` file, in the order training, validation, test.

    Raises:
        DataError: the file is missing or damaged, a key is missing or misspelt, or an array has a wrong type or shape.
    """
    path = Path(spec.path).expanduser()
    file = _File(path, read_npz(path))
    unused = _check_keys(file)
    parts = [part for part in PARTS if f"x{_SUFFIXES[part]}" in file.arrays]
    sfreq_hz = spec.sfreq_hz or _sfreq_hz(file)
    kind = _kind(file, sfreq_hz)
    x = _examples(file, parts, kind)
    sizes = {part: len(x[part]) for part in parts}
    y, class_names = _classes(file, sizes)
    group = _strings(file, "group", sizes)
    part_of = np.concatenate([np.full(n, part, dtype="<U10") for part, n in sizes.items()])
    notes = [f"keys of the file that were not used: {', '.join(unused)}"] if unused else []
    drawn, together = "test" not in parts, group if spec.split_by_group else None
    pixels = np.concatenate([x[part] for part in parts])
    order: npt.NDArray[np.int64] | None = None
    if kind == "image" and pixels.dtype == np.uint8 and not any(key.startswith("ids") for key in file.arrays):
        # In the order and with the ids that the same images have from files.
        order, ids, part_of = canonical(pixels, y, part_of, spec.test if drawn else None, together)
    elif drawn:
        rows = part_of == "train"
        part_of[rows] = draw_test(y[rows], spec.test, None if together is None else together[rows])
    if order is None:
        order, ids = np.arange(len(y)), _ids(file, sizes, drawn)
    if drawn:
        in_order = None if group is None else group[order]
        notes.append(draw_in_words(spec.test, part_of, in_order, whole_groups=spec.split_by_group))
    if "kind" not in file.arrays and (doubt := _doubt(x["train"], kind, sfreq_hz)) is not None:
        notes.append(doubt)
    return Dataset(
        x=pixels[order],
        y=y[order],
        ids=ids,
        part=part_of,
        class_names=class_names,
        kind=kind,
        description=f"arrays of {path.name}, examples of shape {' x '.join(map(str, x['train'].shape[1:]))}",
        group=None if group is None else group[order],
        sfreq_hz=sfreq_hz,
        channel_names=_channel_names(file, x["train"]),
        notes=tuple(notes),
        names=_names(sizes)[order] if kind == "image" else None,
    )


def read_arrays(path: Path | str) -> Array:
    """x (N, C, H, W), float32 or uint8, of a ``.npy`` file or of the key ``x`` of a ``.npz`` file.

    Three axes (N, n_channels, n_times) become (N, 1, n_channels, n_times).

    Raises:
        DataError: the file is missing or damaged, or holds something else.
    """
    path = Path(path).expanduser()
    what = f"`x` in {path}"
    return _four_axes(real(read_single(path, "x"), what), what)


def recorded(path: Path) -> tuple[tuple[str, ...], float | None]:
    """The names of the channels and the sampling rate in Hz that a ``.npz`` file has beside its ``x``, where it does.

    Raises:
        DataError: the file is damaged, or one of them is of another kind.
    """
    file = _File(path, read_npz(path, ("channel_names", "sfreq_hz")))
    names = file.get("channel_names")
    told = () if names is None else tuple(_text(names, file.name("channel_names")).ravel().tolist())
    return told, _sfreq_hz(file)


# ---------------------------------------------------------------- keys and scalars


def _check_keys(file: _File) -> list[str]:
    """Refuse what is missing and what looks misspelt; the keys that are merely unknown."""
    for key in ("x", "y"):
        member(file.arrays, key, file.path)
    for part, suffix in _SUFFIXES.items():
        has_x = f"x{suffix}" in file.arrays
        for key in _BY_PART:
            if not has_x and f"{key}{suffix}" in file.arrays:
                raise DataError(f"{file.name(key + suffix)} needs `x{suffix}` beside it")
        if has_x and f"y{suffix}" not in file.arrays:
            raise DataError(f"{file.name('x' + suffix)} needs `y{suffix}` beside it, the classes of the {part} part")
    unused = sorted(set(file.arrays) - set(_KEYS))
    for key in unused:
        if (ours := _of_part(key)) in file.arrays:
            raise DataError(f"{file.path} has the keys `{key}` and `{ours}`, which mean the same: leave one out")
        if ours is not None:
            raise DataError(f"{file.path} has the key `{key}`: call it `{ours}`, or leave it out")
        if (meant := nearest(key, set(_KEYS) - set(file.arrays), cutoff=0.8)) is not None:
            raise DataError(f"{file.path} has the key `{key}`: did you mean `{meant}`? Rename it, or leave it out")
    return unused


def _of_part(key: str) -> str | None:
    """What a key that names a part in other words is called here; None where it names none."""
    found = _NAME_OF_PART.fullmatch(key.lower())
    if found is None:
        return None
    name, part = found["key"] or found["key_last"], found["part"] or found["part_first"]
    return f"{name}{_SUFFIXES[PART_FOLDERS[part]]}"


def _sfreq_hz(file: _File) -> float | None:
    value = file.get("sfreq_hz")
    if value is None:
        return None
    if value.size != 1 or value.dtype.kind not in "fiu" or not 0 < float(value.item()) < np.inf:
        raise DataError(f"{file.name('sfreq_hz')} must be one number above 0, the sampling rate in Hz")
    return float(value.item())


def _channel_names(file: _File, x: Array) -> tuple[str, ...]:
    given = file.get("channel_names")
    if given is None:
        return ()
    n = x.shape[-2]
    if given.dtype.kind != "U" or given.shape != (n,):
        turned = given.shape == (x.shape[-1],)
        raise DataError(
            f"{file.name('channel_names')} must be {n} strings, one a channel, got {given.dtype} of shape {given.shape}"
            + ("; x must be (N, n_channels, n_times): is it the other way round?" if turned else "")
        )
    return tuple(given.tolist())


def _kind(file: _File, sfreq_hz: float | None) -> Kind:
    value, x = file.get("kind"), file.arrays["x"]
    if value is not None:
        name = str(_text(value, file.name("kind")).ravel()[0]) if value.size == 1 else ""
        if name in get_args(Kind):
            return cast(Kind, name)
        raise DataError(f"{file.name('kind')} must be `eeg` or `image`, one string, got {value!r:.60}")
    if x.ndim == 3 and (x.dtype == np.uint8 or (x.size and x.dtype.kind in "iu" and _are_bytes(x))):
        raise DataError(
            f'{file.name("x")} holds whole numbers from 0 to 255 in three axes: add `kind`, "image" for grey images '
            'or "eeg"'
        )
    is_eeg = x.ndim == 3 or (x.ndim == 4 and x.shape[1] == 1 and sfreq_hz is not None)
    return "eeg" if is_eeg else "image"


def _doubt(x: Array, kind: Kind, sfreq_hz: float | None) -> str | None:
    """What speaks against a kind that was guessed, in words: it decides how x is normalised."""
    if x.dtype == np.uint8 or sfreq_hz is not None or x.shape[1] != 1:
        return None
    if kind == "eeg" and x.min() >= 0:
        return "x was taken for EEG, and none of its values is below 0: add `kind` to the file if these are images"
    if kind == "image" and x.min() < 0:
        return "x was taken for images, and has values below 0: add `kind` or `sfreq_hz` to the file if this is EEG"
    return None


# ---------------------------------------------------------------- arrays


def _examples(file: _File, parts: list[Part], kind: Kind) -> dict[Part, Array]:
    found: dict[Part, Array] = {}
    for part in parts:
        key = f"x{_SUFFIXES[part]}"
        found[part] = _four_axes(real(file.arrays[key], file.name(key)), file.name(key))
        if found[part].shape[1:] != found["train"].shape[1:]:
            raise DataError(
                f"{file.name(key)} must hold examples of the same shape as `x`, {found['train'].shape[1:]}, "
                f"got {found[part].shape[1:]}"
            )
    if kind == "eeg" and found["train"].shape[1] != 1:
        raise DataError(f"{file.name('x')} must be (N, n_channels, n_times) for EEG, got {file.arrays['x'].shape}")
    if kind == "image":
        _refuse_channels_last(found["train"], file.name("x"))
        if all(_are_bytes(x) for x in found.values()):  # whatever type they were saved in, they are the same images
            return {part: x.astype(np.uint8, copy=False) for part, x in found.items()}
    return {part: x.astype(np.float32, copy=False) for part, x in found.items()}


def _are_bytes(x: Array) -> bool:
    """Whether all values are whole numbers from 0 to 255."""
    if x.dtype == np.uint8:
        return True
    with np.errstate(invalid="ignore"):
        return bool(x.min() >= 0 and x.max() <= 255 and (x == np.floor(x)).all())


def _refuse_channels_last(x: Array, what: str) -> None:
    channels = (1, 3, 4)
    if x.shape[1] not in channels and x.shape[3] in channels:
        raise DataError(f"{what} must be (N, C, H, W), got {x.shape}: use x.transpose(0, 3, 1, 2)")


def _four_axes(x: Array, what: str) -> Array:
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise DataError(
            f"{what} must be (N, n_channels, n_times) or (N, C, H, W), no axis of it empty, got shape {x.shape}"
        )
    return x if x.ndim == 4 else x[:, None]


def _column(file: _File, key: str, n: int) -> Array:
    """(n,) values, one for each example; (n, 1) will do."""
    values = file.arrays[key]
    if values.shape not in ((n,), (n, 1)):
        suffix = next(s for s in ("_validation", "_test", "") if key.endswith(s))
        raise DataError(
            f"{file.name(key)} must be ({n},), one value for each example of `x{suffix}`, got shape {values.shape}"
        )
    return values.ravel()


def _text(values: Array, what: str) -> npt.NDArray[np.str_]:
    """Strings, bytes or whole numbers as strings."""
    if values.dtype.kind == "S":
        try:
            return np.char.decode(values, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{what} holds bytes that are no UTF-8: save it as strings") from None
    if values.dtype.kind not in "Uiu":
        raise DataError(f"{what} must hold strings or whole numbers, got {values.dtype}")
    return values.astype(np.str_)


def _names(sizes: dict[Part, int]) -> npt.NDArray[np.str_]:
    """Where each example stands in the file."""
    return np.array([f"x{_SUFFIXES[part]}[{row}]" for part, n in sizes.items() for row in range(n)])


def _strings(file: _File, key: str, sizes: dict[Part, int]) -> npt.NDArray[np.str_] | None:
    """One string for each example of all parts; None when no part has the key."""
    keys = {f"{key}{_SUFFIXES[part]}": n for part, n in sizes.items()}
    lacking = [name for name in keys if name not in file.arrays]
    if len(lacking) == len(keys):
        return None
    if lacking:
        raise DataError(f"{file.path} gives `{key}` for some parts only: add `{lacking[0]}`, or leave it out of all")
    return np.concatenate([_text(_column(file, name, n), file.name(name)) for name, n in keys.items()])


def _ids(file: _File, sizes: dict[Part, int], drawn: bool) -> npt.NDArray[np.str_]:
    """The file's own, or the row after the part; after ``x`` where training and test are drawn from it."""
    given = _strings(file, "ids", sizes)
    if given is not None:
        return given
    arrays = [("x" if drawn and part == "train" else part, n) for part, n in sizes.items()]
    return np.array([f"{array}/{row:04d}" for array, n in arrays for row in range(n)])


# ---------------------------------------------------------------- classes


def _classes(file: _File, sizes: dict[Part, int]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """y of all parts and the names of the classes."""
    labels = {f"y{_SUFFIXES[part]}": _labels(file, f"y{_SUFFIXES[part]}", n) for part, n in sizes.items()}
    names = file.get("class_names")
    if names is None:
        known = np.unique(labels["y"])
        class_names = tuple(str(value) for value in known.tolist())
        rule = "be one of the classes of the training part"
    else:
        class_names = tuple(_text(names, file.name("class_names")).ravel().tolist())
        whole = labels["y"].dtype.kind in "iu"
        known = np.arange(len(class_names)) if whole else np.array(class_names)
        rule = f"be from 0 to {len(class_names) - 1}, one for each of `class_names`" if whole else "be in `class_names`"
    return np.concatenate([_encode(y, known, rule, file.name(key)) for key, y in labels.items()]), class_names


def _labels(file: _File, key: str, n: int) -> Array:
    values = _column(file, key, n)
    if values.dtype.kind == "f" and not (values == np.round(values)).all():  # a cast would make a class of anything
        wrong = int(np.argmax(values != np.round(values)))
        raise DataError(
            f"{file.name(key)} must hold whole numbers or strings, got {values[wrong]} at index {wrong}: leave such "
            "examples out, or give them a class"
        )
    if values.dtype.kind not in "iuUS":
        raise DataError(f"{file.name(key)} must hold whole numbers or strings, got {values.dtype}: use y.astype(int)")
    return _text(values, file.name(key)) if values.dtype.kind == "S" else values


def _encode(y: Array, known: npt.NDArray[Any], rule: str, what: str) -> npt.NDArray[np.int64]:
    """The position of each label among the known ones, which are distinct."""
    if (y.dtype.kind == "U") != (known.dtype.kind == "U"):
        raise DataError(f"{what} must hold labels of the same type as `y`, got {y.dtype} beside {known.dtype}")
    position = {value: i for i, value in enumerate(known.tolist())}
    encoded = np.array([position.get(value, -1) for value in y.tolist()], dtype=np.int64)
    wrong = np.flatnonzero(encoded < 0)
    if len(wrong):
        raise DataError(f"{what} must {rule}, got {y[wrong[0]]} at index {wrong[0]}")
    return encoded
