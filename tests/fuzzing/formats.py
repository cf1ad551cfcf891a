"""The formats: how a spoilt file of each is made, and what reads it."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fuzzing.spoil import INTEGERS, TEXTS, spoilt_bytes, spoilt_text
from fuzzing.written import checkpoint, onnx, pickled, read_onnx, read_store, store
from paribus.cli.decide import read_costs
from paribus.data.cifar10 import _batch
from paribus.data.images import decode_files
from paribus.data.npz import read_arrays
from paribus.data.sources import load_dataset, load_unchecked
from paribus.data.ts import read_ts
from paribus.load import builtin_studies, load_study
from paribus.spec import Cifar10Data, Fer2013Data, HubData, NpzData
from paribus.training.checkpoint import load


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    ending: str
    share: int
    """Of the inputs, relative to the others."""
    make: Callable[[random.Random, Path], None]
    """Writes a spoilt file, and what belongs beside it."""
    read: Callable[[Path], Any]
    """As paribus does."""


# ---------------------------------------------------------------- text

TS = """\
@problemName Small
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 4
@classLabel true Left right
@data
1.0,2.0,3.0,4.0:0.5,-1,2e3,0:Left
-1.5,?,0.0,1e-3:0,0,0,0:right
1,2,3,4:5,6,7,8:Left
"""
COSTS = ",left,right\nleft,0,2.5\nright,1,0\n"


def text(valid: str, marks: str) -> Callable[[random.Random, Path], None]:
    return lambda r, path: _write(path, spoilt_text(valid, r, marks))


@cache
def _faces() -> str:
    rows = [
        f'{i % 7},"{" ".join(str((i * 31 + j) % 256) for j in range(2304))}",{usage}' for i, usage in enumerate(USAGES)
    ]
    return "\n".join(["emotion,pixels,Usage", *rows, ""])


USAGES = ("Training", "Training", "PublicTest", "PrivateTest")


@cache
def _studies() -> tuple[str, ...]:
    return tuple(path.read_text("utf-8") for path in builtin_studies().values())


def study(r: random.Random, path: Path) -> None:
    _write(path, spoilt_text(r.choice(_studies()), r, ":,{}[]\n "))


# ---------------------------------------------------------------- numpy


def _arrays(r: random.Random) -> dict[str, Any]:
    arrays: dict[str, Any] = {"x": np.arange(60, dtype=np.float32).reshape(10, 2, 3), "y": np.arange(10) % 2}
    arrays |= {"x_test": arrays["x"][:4], "y_test": arrays["y"][:4], "class_names": np.array(["a", "b"])}
    arrays["ids"], arrays["ids_test"] = np.array([f"i{i}" for i in range(10)]), np.array([f"t{i}" for i in range(4)])
    if r.random() < 0.3:
        arrays["kind"] = np.array("image")
        arrays["x"], arrays["x_test"] = arrays["x"].astype(np.uint8), arrays["x_test"].astype(np.uint8)
    for _ in range(r.choice((0, 1, 1, 2))):
        key = r.choice(list(arrays))
        value = arrays[key]
        match r.randrange(7):
            case 0:
                kinds = ("f2", "f8", "i1", "u8", "U3", "S2", "c8", "M8[s]", "?", "O", "V4", "U0", "g")
                try:
                    arrays[key] = value.astype(r.choice(kinds))
                except (ValueError, TypeError):
                    arrays[key] = np.zeros(value.shape, r.choice(kinds[:4]))
            case 1:
                arrays[key] = value[..., : r.randrange(3)] if value.ndim else value[None]
            case 2:
                arrays[r.choice((*TEXTS[:12], "X", "xtest", "sfreq_hz", "group"))] = arrays.pop(key)
            case 3:
                del arrays[key]
            case 4:
                arrays[key] = value.ravel()
            case 5:
                arrays["sfreq_hz"] = np.array(r.choice((0, -1, np.nan, 1e300, "x", [1, 2])))
            case 6 if value.dtype.kind == "f" and value.size:
                value = value.copy()
                value.flat[r.randrange(value.size)] = r.choice((np.nan, np.inf, -3e38))
                arrays[key] = value
    return arrays


def _npy(array: Any, r: random.Random) -> bytes:
    """An array as numpy saves it, or with a header that lies."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asarray(array), allow_pickle=True)
    content = out.getvalue()
    if r.random() < 0.9:
        return content
    if r.random() < 0.3:
        return spoilt_bytes(content, r)
    size = int.from_bytes(content[8:10], "little")
    header = content[10 : 10 + size].decode("latin-1")
    shape = r.choice(
        ((), (0,), (-1,), (r.choice(INTEGERS),), (2**40, 2**40), (1,) * 65, (r.choice(INTEGERS), 0), (7, 3))
    )
    kinds = (
        "<f8",
        "|O",
        "<U1000000",
        "|V0",
        "<U0",
        "<M8[s]",
        "(3,)f4",
        "f",
        "<i3",
        [("a", "<f4")],
        [("a", "|O")],
        "|S99",
    )
    header = r.choice(
        (
            repr({"descr": r.choice(kinds), "fortran_order": r.choice((True, False, 1)), "shape": shape}),
            header.replace("10", str(r.choice(INTEGERS))),
            spoilt_text(header, r, " ,:'(").decode("utf-8", "replace"),
            "(" * 3000,
            "__import__('os').system('touch evil')",
        )
    )
    encoded = header.encode("latin-1", "replace")[:65000] + b"\n"
    version = r.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x04\x00"))
    length = len(encoded).to_bytes(2 if version[0] == 1 else 4, "little")
    return content[:6] + version + length + encoded + content[10 + size :]


def npz(r: random.Random, path: Path) -> None:
    out = io.BytesIO()
    packed = r.choice((zipfile.ZIP_STORED, *[zipfile.ZIP_DEFLATED] * 8, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", packed) as archive:
        for key, array in _arrays(r).items():
            name = (key + r.choice((".npy",) * 9 + ("",))).encode("utf-8", "replace").decode()
            archive.writestr(zipfile.ZipInfo(name or "x.npy"), _npy(array, r), packed)
    content = out.getvalue()
    if r.random() < 0.2:  # sizes in the directory
        at = content.rfind(b"PK\x01\x02", 0, r.randrange(len(content) // 2, len(content)))
        if at >= 0:
            place = at + r.choice((10, 16, 20, 24, 28, 42))
            content = content[:place] + (r.choice(INTEGERS) % 2**32).to_bytes(4, "little") + content[place + 4 :]
    _write(path, spoilt_bytes(content, r) if r.random() < 0.3 else content)


def npy(r: random.Random, path: Path) -> None:
    _write(path, _npy(_arrays(r).get("x", [1]), r))


# ---------------------------------------------------------------- images, parquet


@cache
def _pictures() -> tuple[bytes, ...]:
    found = []
    for mode, kind in (
        ("L", "PNG"),
        ("RGB", "PNG"),
        ("L", "JPEG"),
        ("P", "GIF"),
        ("L", "BMP"),
        ("RGB", "TIFF"),
        ("L", "PPM"),
    ):
        out = io.BytesIO()
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert(mode).save(out, kind)
        found.append(out.getvalue())
    return (*found, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")


def picture(r: random.Random, path: Path) -> None:
    _write(path, spoilt_bytes(r.choice(_pictures()), r))


def parquet(r: random.Random, path: Path) -> None:
    n = 8
    images: Any = [{"bytes": _pictures()[0], "path": f"{i}.png"} for i in range(n)]
    columns: dict[str, Any] = {"image": images, "label": [i % 2 for i in range(n)]}
    columns |= {"split": ["train"] * 6 + ["test"] * 2, "usage": ["Training"] * 6 + ["PrivateTest"] * 2}
    del columns[r.choice(("usage", "split", "usage"))]
    for _ in range(r.choice((0, 1, 1, 2))):
        name = r.choice(list(columns))
        match r.randrange(5):
            case 0:
                columns[r.choice((*TEXTS[:12], name.upper()))] = columns.pop(name)
            case 1:
                columns[name] = r.choice(
                    (
                        [None] * n,
                        [1.5] * n,
                        [True] * n,
                        [b"x"] * n,
                        [[1]] * n,
                        [{"bytes": 3}] * n,
                        [{"a": {"b": 1}}] * n,
                        ["x"] * n,
                    )
                )
            case 2:
                values = list(columns[name])
                values[r.randrange(n)] = None
                columns[name] = values
            case 3:
                columns[name] = [spoilt_bytes(_pictures()[0], r) for _ in range(n)]
            case 4:
                columns[name] = [{"bytes": None, "path": "/etc/passwd"}] * n
    table = pa.table({name.encode("utf-8", "replace").decode(): values for name, values in columns.items()})
    if r.random() < 0.3:
        names = r.choice(
            (["a", "b"], ["a"], ["a", "a"], {"0": "a", "1": "b"}, {"1": "b"}, 3, [None, 1], ["\x1b[2J", "b"])
        )
        told = {"info": {"features": {"label": {"names": names}}}}
        table = table.replace_schema_metadata({"huggingface": r.choice((json.dumps(told), "[" * 5000, "{", "null"))})
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression=r.choice(("none", "snappy", "zstd", "gzip")))
    content = out.getvalue().to_pybytes()
    _write(path, spoilt_bytes(content, r) if r.random() < 0.5 else content)


def read_parquet(path: Path) -> None:
    """By each of the sources in turn; the first that takes it is enough."""
    errors = []
    for spec in (
        HubData(source="hub", path=str(path), part="split"),
        Fer2013Data(source="fer2013", path=str(path)),
        Cifar10Data(source="cifar10", path=str(path)),
    ):
        try:
            load_dataset(spec)
        except Exception as error:
            errors.append(error)
        else:
            return
    raise next((error for error in errors if not type(error).__module__.startswith("paribus")), errors[0])


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _csv(path: Path) -> None:
    load_unchecked(Fer2013Data(source="fer2013", path=str(path)))


FORMATS = {
    "ts": Format("x.ts", 15, text(TS, ",:\n "), read_ts),
    "npz": Format("x.npz", 20, npz, lambda path: load_dataset(NpzData(source="npz", path=str(path)))),
    "npy": Format("x.npy", 8, npy, read_arrays),
    "csv": Format("x.csv", 10, lambda r, path: _write(path, spoilt_text(_faces(), r, ',\n"')), _csv),
    "costs": Format("costs.csv", 3, text(COSTS, ",\n"), lambda path: read_costs(path, ("left", "right"))),
    "parquet": Format("x.parquet", 14, parquet, read_parquet),
    "checkpoint": Format("t.json", 18, checkpoint, load),
    "study": Format("study.yaml", 3, study, load_study),
    "store": Format("x.sqlite", 3, store, read_store),
    "pickle": Format("data_batch_1", 6, pickled, _batch),
    "onnx": Format("x.onnx", 10, onnx, read_onnx),
    "image": Format("x.png", 6, picture, lambda path: decode_files([path], 3, (4, 4))),
}
