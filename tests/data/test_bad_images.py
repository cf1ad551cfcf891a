"""Image files that are not what they should be are told, or read all the same; none costs the others."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_files import COLOUR, encoded, load_folder, one_folder
from paribus.data import files
from paribus.errors import DataError
from paribus.folders import cache_folder


def test_unreadable_files(tmp_path: Path) -> None:
    cut = encoded(COLOUR.resize((40, 40)), "jpeg")[:300]
    root = one_folder(tmp_path, {"train/a/cut.jpg": cut, "train/b/text.png": b"no image"})
    with pytest.raises(
        DataError, match=r"2 are not: train/a/cut.jpg \(.*\), train/b/text.png \(not an image"
    ) as caught:
        load_folder(root)
    assert "--set data.unreadable=skip" in str(caught.value)
    dataset = load_folder(root, unreadable="skip")
    assert [name.split(" (")[0] for name in dataset.unreadable] == ["train/a/cut.jpg", "train/b/text.png"]
    assert dataset.unreadable[1].endswith("(not an image, or cut off)")
    assert len(dataset.y) == 12
    assert any("unreadable files left out: 2" in note for note in dataset.notes)


def test_other_files_are_left_alone_and_told(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {"train/a/notes.txt": b"", "train/a/.hidden.png": b"", "test/b/Thumbs.db": b""})
    dataset = load_folder(root)
    assert len(dataset.y) == 12
    assert dataset.notes == ("files that do not end as images do were left alone: 1, as train/a/notes.txt",)


def test_images_beside_the_class_folders_are_told(tmp_path: Path) -> None:
    image = encoded(COLOUR, "png")
    dataset = load_folder(one_folder(tmp_path, {"train/lost.PNG": image, "lost.png": image, "test/a/x.heic": b""}))
    assert len(dataset.y) == 12
    assert dataset.notes == (
        "images outside of the class folders were left alone: 2, as lost.png",
        "files that do not end as images do were left alone: 1, as test/a/x.heic",
    )


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (("training_set/a/1", "test_set/a/1"), "holds the folders test_set, training_set,"),  # cats and dogs
        (("seg_train/seg_train/a/1", "seg_test/seg_test/a/1", "seg_pred/1"), "holds the folders seg_test, seg_train,"),
        (("a/train/1", "a/test/1", "b/train/1", "b/test/1"), "/a holds the folders test, train,"),
        (("archive/Train/a/1", "archive/Valid/a/1"), "/archive holds the folders Train, Valid,"),
    ],
)
def test_parts_are_not_taken_for_classes_nor_mixed(tmp_path: Path, images: tuple[str, ...], told: str) -> None:
    for name in images:
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(COLOUR, "png"))
    with pytest.raises(DataError, match=rf"{told} which seem to be parts of the data"):
        load_folder(tmp_path / "data")


def test_below_a_part_all_names_are_those_of_classes(tmp_path: Path) -> None:
    image = encoded(COLOUR, "png")
    root = one_folder(tmp_path, {f"{part}/train/{i}.png": image for part in ("train", "test") for i in range(2)})
    (root / "train" / "a" / "test").mkdir()
    (root / "train" / "a" / "test" / "9.png").write_bytes(image)
    dataset = load_folder(root)
    assert dataset.class_names == ("a", "b", "train")
    assert len(dataset.y) == 12 + 4 + 1


def test_a_part_without_class_folders(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {"val/1.png": encoded(COLOUR, "png")})
    with pytest.raises(DataError, match=r"the part .*/val holds no class folders"):
        load_folder(root)


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = one_folder(tmp_path, {"train/a/more/9.png": encoded(COLOUR, "png")})
    scan = os.scandir

    def locked(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == where:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)
    monkeypatch.setattr(os, "listdir", lambda path: [each.name for each in locked(path)])
    for where in ("more", "train"):
        with pytest.raises(DataError, match=rf"{where} cannot be read: Permission denied"):
            load_folder(root)


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {})
    (root / "train" / "empty").mkdir()
    (root / "test" / "empty").mkdir()
    with pytest.raises(DataError, match=r"class folder .*test/empty holds no images"):
        load_folder(root)
    (root / "test" / "empty").rmdir()
    with pytest.raises(DataError, match=r"same class folders: .* has empty elsewhere, not in test"):
        load_folder(root)
    (root / "train" / "empty").rmdir()
    (root / "other").mkdir()
    with pytest.raises(DataError, match="beside them other"):
        load_folder(root)
    (root / "other").rmdir()
    with pytest.raises(DataError, match="must be the class folders, a, b; got b, c"):
        load_folder(root, class_names=("b", "c"))
    assert load_folder(root, class_names=("b", "a")).class_names == ("b", "a")
    with pytest.raises(DataError, match=r"holds no folders"):
        load_folder(root / "train" / "a")
    with pytest.raises(DataError, match="does not exist"):
        load_folder(root / "nowhere")
    with pytest.raises(DataError, match="is a file, not a folder"):
        load_folder(root / "train" / "a" / "0.png")


def test_a_folder_that_holds_itself(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {})
    os.symlink(root, root / "train" / "a" / "loop")
    os.symlink(root / "train" / "a", root / "train" / "a" / "itself")
    assert len(load_folder(root).y) == 12


def test_links_are_followed_and_those_that_lead_nowhere_are_unreadable(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {})
    more = tmp_path / "more"
    more.mkdir()
    (more / "one.png").write_bytes(encoded(COLOUR.convert("L").resize((4, 5)), "png"))
    os.symlink(more, root / "train" / "a" / "more")
    assert len(load_folder(root).y) == 13
    os.symlink(tmp_path / "nowhere.png", root / "train" / "a" / "gone.png")
    with pytest.raises(DataError, match=r"1 is not: train/a/gone\.png"):
        load_folder(root)
    assert len(load_folder(root, unreadable="skip").y) == 13


def test_palettes_of_greys_are_grey(tmp_path: Path) -> None:
    grey = COLOUR.convert("L").resize((4, 5))
    root = one_folder(tmp_path, {"train/a/g.gif": encoded(grey, "gif"), "train/a/g.png": encoded(grey, "png")})
    dataset = load_folder(root)
    assert dataset.x.shape[1] == 1
    assert len([name for name in dataset.names if "/g." in name]) == 2
    same = dataset.x[[i for i, name in enumerate(dataset.names) if "/g." in name]]
    assert np.array_equal(same[0], same[1])


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_of_32_bits_have_no_known_white(tmp_path: Path, mode: str) -> None:
    odd = Image.fromarray(np.full((5, 4), 0.5 if mode == "F" else 200, np.float32 if mode == "F" else np.int32))
    root = one_folder(tmp_path, {"train/a/odd.tif": encoded(odd, "tiff")})
    with pytest.raises(DataError, match=r"train/a/odd\.tif \(pixels of 32 bits"):
        load_folder(root)


def test_a_full_disk_goes_on_elsewhere_or_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, places = one_folder(tmp_path, {}), []

    def full(descriptor: int, start: int, size: int) -> None:
        places.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        if len(places) == 1 or everywhere:
            raise OSError(errno.ENOSPC, "No space left on device")

    if not hasattr(os, "posix_fallocate"):
        pytest.skip("room cannot be reserved on this system")
    monkeypatch.setattr(os, "posix_fallocate", full)
    everywhere = False
    assert len(load_folder(root).y) == 12
    assert places[0].startswith(str(cache_folder()))
    assert not places[1].startswith(str(cache_folder()))
    everywhere = True
    (root / "train" / "a" / "new.png").write_bytes(encoded(COLOUR.convert("L").resize((4, 5)), "png"))
    with pytest.raises(DataError, match="no room for the decoded images in"):
        load_folder(root)


def test_names_are_printed_on_one_line(tmp_path: Path) -> None:
    root = one_folder(tmp_path, {"train/a/new\nline\x1b[31m.png": encoded(COLOUR.convert("L").resize((4, 5)), "png")})
    assert "train/a/new\\nline\\x1b[31m.png" in load_folder(root).names


def test_a_damaged_memo_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    monkeypatch.setattr(files, "_RACY_SECONDS", -1e9)
    before = files.digest_files(tmp_path, ["a"])
    (memo,) = (cache_folder() / "files").iterdir()
    for damage in (b"\xff\xfe\x80", b"z" * 64, b""):
        memo.write_bytes(damage)
        assert files.digest_files(tmp_path, ["a"]) == before
        assert memo.read_bytes() == before.encode()
