"""Data of strangers: bombs, lies about sizes, programs dressed as pictures, paths that lead out."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from paribus.data.arrays import read_npz
from paribus.data.fetch import unpack
from paribus.data.images import decode_files
from paribus.data.npz import read_arrays
from paribus.data.parquet import label_names
from paribus.data.sources import load_unchecked
from paribus.errors import DataError
from paribus.spec import Cifar10Data, FolderData, HubData, NpzData


def header(shape: Any, descr: Any = "<f8") -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def write(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


LIES = [
    header((10**12,)) + bytes(80),
    header((2**40, 2**40)) + bytes(80),  # the product wraps around to 0
    header((2**62,), "<U0"),  # as many as one likes, of nothing
    header((2**62,), "|V0"),
    header((-1,)) + bytes(80),
    header((10,)) + bytes(81),
    header((11,)) + bytes(80),
    header((10,), "(1000000,)f8") + bytes(80),
    header((3,), "<U250000000") + bytes(80),
]


@pytest.mark.parametrize("content", LIES)
def test_sizes_that_are_lies(tmp_path: Path, content: bytes) -> None:
    """Found in the header: nothing is allocated."""
    (tmp_path / "x.npy").write_bytes(content)
    write(tmp_path / "x.npz", x=content, y=header((0,)))
    for read in (lambda: read_arrays(tmp_path / "x.npy"), lambda: read_npz(tmp_path / "x.npz")):
        with pytest.raises(DataError, match=r"says that it holds|plain array"):
            read()


def test_a_bomb_is_measured_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((1000, 1, 200, 200), np.uint8), y=np.arange(1000) % 2)
    assert path.stat().st_size < 100_000
    assert read_npz(path)["x"].nbytes == 40_000_000
    monkeypatch.setattr("paribus.data.arrays.available_memory", lambda: 70_000_000)
    with pytest.raises(DataError, match=r"bomb.npz holds 0.0 GiB of arrays, unpacked, and half"):
        read_npz(path)


def test_the_directory_of_the_archive_may_lie(tmp_path: Path) -> None:
    """A member says that it is smaller than it is: no more than it says is ever unpacked."""
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.zeros(10_000_000), y=np.zeros(3, int))
    content = path.read_bytes()
    size = (80_000_128).to_bytes(4, "little")
    assert size in content
    for told in (128, 1000, 2**31):
        path.write_bytes(content.replace(size, told.to_bytes(4, "little")))
        with pytest.raises(DataError, match=r"says that it holds|cut off or damaged"):
            read_npz(path)


def test_members_may_be_called_anything(tmp_path: Path) -> None:
    """Names are keys and never paths."""
    array = header((3,)) + bytes(24)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for name in ("../../evil.npy", "/etc/evil.npy", "x.npy", "\x1b[2J.npy"):
            archive.writestr(name, array)
    assert set(read_npz(tmp_path / "x.npz")) == {"../../evil", "/etc/evil", "x", "\x1b[2J"}
    assert sorted(tmp_path.iterdir()) == [tmp_path / "x.npz"]


@pytest.mark.parametrize("packed", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_packings_are_refused(tmp_path: Path, packed: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", packed) as archive:
        archive.writestr("x.npy", header((1,)) + bytes(8))
    with pytest.raises(DataError, match="in a way that numpy never uses"):
        read_npz(tmp_path / "x.npz")


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", header((1,)) + bytes(8))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", header((1,)) + bytes(8))
    with pytest.raises(DataError, match="two arrays of one name"):
        read_npz(tmp_path / "x.npz")


def test_strings_of_what_are_no_letters(tmp_path: Path) -> None:
    """Found by fuzzing: Python itself stumbles over them."""
    for order in "<>":
        letters = np.array([65, 0x110000], f"{order}u4").tobytes()
        write(tmp_path / "x.npz", y=header((2,), f"{order}U1") + letters)
        with pytest.raises(DataError, match="damaged"):
            read_npz(tmp_path / "x.npz")
        letters = np.array([65, 0x10FFFF], f"{order}u4").tobytes()
        write(tmp_path / "x.npz", y=header((2,), f"{order}U1") + letters)
        assert read_npz(tmp_path / "x.npz")["y"].tolist() == ["A", "\U0010ffff"]


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch evil",)


def test_objects_are_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    objects = np.array([Evil()], dtype=object)
    np.savez(tmp_path / "x.npz", x=objects, y=[0])
    np.save(tmp_path / "x.npy", objects)
    with pytest.raises(DataError, match="Python objects"):
        load_unchecked(NpzData(source="npz", path="x.npz"))
    with pytest.raises(DataError, match="Python objects"):
        read_arrays("x.npy")
    assert not (tmp_path / "evil").exists()


# ---------------------------------------------------------------- pictures


def test_a_picture_that_is_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow would hand EPS to Ghostscript, whatever the file is called."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "gs").write_text("#!/bin/sh\ntouch RAN\n")
    (bin_ / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) show\n%%EOF\n"
    )
    with pytest.raises(DataError, match="not an image"):
        decode_files([tmp_path / "x.png"], 1)
    assert not (tmp_path / "RAN").exists()


def test_a_picture_that_unpacks_to_more_than_is_meant(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    with pytest.raises(DataError, match="could be decompression bomb"):
        decode_files([tmp_path / "bomb.png"], 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_known_formats_are_read_by_their_content(tmp_path: Path, kind: str) -> None:
    Image.fromarray(np.full((4, 4), 200, np.uint8)).save(tmp_path / "x.png", kind)
    assert abs(int(decode_files([tmp_path / "x.png"], 1)[0].mean()) - 200) <= 2


def test_names_of_image_files_are_shown_and_never_followed(tmp_path: Path) -> None:
    for name in ("\x1b[31m.png", "a\nb.png", "<img src=x>.png", "..png"):
        for label in ("a", "b"):
            path = tmp_path / "images" / label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), len(name) * 3 + ord(label), np.uint8)).save(path, "PNG")
    names = load_unchecked(FolderData(source="folder", path=str(tmp_path / "images"))).names
    assert names is not None
    assert all(name.isprintable() for name in names.tolist())


# ---------------------------------------------------------------- parquet


def png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(out, "PNG")
    return out.getvalue()


def parquet(path: Path, metadata: dict[str, str] | None = None, **columns: Any) -> HubData:
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)
    return HubData(source="hub", path=str(path))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"picture": [png()] * 2, "label": [0, 1]}, "needs a column `image`"),
        ({"image": [png()] * 2}, "needs a column `label`"),
        ({"image": [1, 2], "label": [0, 1]}, r"must hold an encoded image \(bytes\), holds int"),
        ({"image": [{"path": "/etc/passwd"}] * 2, "label": [0, 1]}, "must hold an encoded image"),
        ({"image": [png()] * 2, "label": [0.5, 1.5]}, "must hold whole numbers or strings"),
        ({"image": [png()] * 2, "label": [[0], [1]]}, "must hold whole numbers or strings"),
        ({"image": [png()] * 2, "label": [None, 1]}, "must hold whole numbers or strings"),
        ({"image": [{"bytes": None, "path": "/etc/passwd"}] * 2, "label": [0, 1]}, "must be readable, 2 are not"),
    ],
)
def test_wrong_schemas(tmp_path: Path, columns: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        load_unchecked(parquet(tmp_path / "x.parquet", **columns))


@pytest.mark.parametrize("split", [["train"], {"a": 1}, 3])
def test_a_split_that_is_no_text(tmp_path: Path, split: Any) -> None:
    """Found by fuzzing: a list cannot be looked up."""
    path = tmp_path / "x.parquet"
    parquet(path, image=[png()], label=[0], split=[split])
    with pytest.raises(DataError, match="the split must be train or test"):
        load_unchecked(Cifar10Data(source="cifar10", path=str(path)))


@pytest.mark.parametrize("told", ["[" * 100_000, '{"info": {"features": {"label": {"names": {"1": "b"}}}}}', "{", "3"])
def test_metadata_that_are_none(tmp_path: Path, told: str) -> None:
    """Found by fuzzing: nesting without end, and names by number with a gap."""
    parquet(tmp_path / "x.parquet", {"huggingface": told}, image=[png()], label=[0])
    assert label_names(tmp_path / "x.parquet", "label") is None


def test_texts_that_are_none(tmp_path: Path) -> None:
    """Found by fuzzing: names of columns and values that are no UTF-8."""
    parquet(tmp_path / "x.parquet", image=[png()] * 2, label=["left", "right"], qqqqqq=["train", "test"])
    whole = (tmp_path / "x.parquet").read_bytes()
    for word in (b"qqqqqq", b"right"):
        (tmp_path / "y.parquet").write_bytes(whole.replace(word, b"\xff" * len(word)))
        for part in (None, "qqqqqq"):
            with pytest.raises(DataError):
                load_unchecked(HubData(source="hub", path=str(tmp_path / "y.parquet"), part=part))


def test_rows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal rows take no room in a file."""
    spec = parquet(tmp_path / "x.parquet", image=[png()] * 100_000, label=[0] * 100_000)
    assert (tmp_path / "x.parquet").stat().st_size < 50_000
    monkeypatch.setattr("paribus.data.parquet.MOST_ROWS", 1000)
    with pytest.raises(DataError, match="has 100,000 rows, more than the 1,000"):
        load_unchecked(spec)


def test_columns_that_unpack_to_more_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = parquet(tmp_path / "x.parquet", image=[png()] * 3, label=[0, 1, 1])
    monkeypatch.setattr("paribus.data.parquet.available_memory", lambda: 100)
    with pytest.raises(DataError, match="half of this machine's free memory"):
        load_unchecked(spec)


def test_arrow_types_that_were_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyarrow before 14.0.1 unpickled them (CVE-2023-47248)."""
    import pickle

    monkeypatch.chdir(tmp_path)
    field = pa.field(
        "label",
        pa.int64(),
        metadata={
            "ARROW:extension:name": "arrow.py_extension_type",
            "ARROW:extension:metadata": pickle.dumps(Evil(), 0),
        },
    )
    schema = pa.schema([pa.field("image", pa.binary()), field])
    pq.write_table(pa.table([[png()] * 2, [0, 1]], schema=schema), "x.parquet")
    load_unchecked(HubData(source="hub", path="x.parquet"))
    assert not (tmp_path / "evil").exists()


# ---------------------------------------------------------------- archives, caches


@pytest.mark.parametrize("name", ["../evil", "/tmp/paribus-evil", "wanted/../../evil"])
def test_archives_that_lead_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "down").mkdir()
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(tmp_path / "x.tar", tmp_path / "down", "wanted")
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/paribus-evil").exists()


def test_links_in_archives_that_lead_out(tmp_path: Path) -> None:
    (tmp_path / "down").mkdir()
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("wanted/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(tmp_path / "x.tar", tmp_path / "down", "wanted")


def test_a_data_set_of_the_hub_names_files_of_its_own_cache_only(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the extra `hub` is not installed")
    import datasets.config

    from paribus.data.hub import _in_cache

    inside = Path(datasets.config.HF_DATASETS_CACHE) / "downloads" / "a.png"
    assert _in_cache(str(inside)) == inside.resolve()
    for path in ("/etc/passwd", str(inside.parent / ".." / ".." / ".." / ".." / "secret.png"), str(tmp_path / "x.png")):
        assert _in_cache(path) == b""


def test_a_lie_allocates_nothing(tmp_path: Path) -> None:
    """With little memory allowed, the error is still the one about sizes."""
    write(tmp_path / "x.npz", x=header((4 * 10**9,), "|u1") + bytes(10), y=header((0,)))
    limit = 3 * 2**30
    code = (
        f"import resource; from pathlib import Path; from paribus.data.arrays import read_npz\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
        f"try: read_npz(Path({str(tmp_path / 'x.npz')!r}))\n"
        f"except Exception as error: print(type(error).__name__, error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.startswith("DataError `x` in")
    assert "says that it holds" in told
