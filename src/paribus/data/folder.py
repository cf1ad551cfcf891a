"""Image files in folders that are called as their classes."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from paribus.data.dataset import Dataset
from paribus.data.files import digest_files
from paribus.data.images import SUFFIXES, ImageItem, read_images
from paribus.errors import DataError
from paribus.record import Part
from paribus.shown import printable
from paribus.spec import FolderData

PART_FOLDERS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_LITTER = {"thumbs.db", "desktop.ini", "__macosx", "lost+found"}


def load(spec: FolderData) -> Dataset:
    """The images below ``train/CLASS``, ``validation/CLASS``, ``test/CLASS``, or below ``CLASS`` alone.

    Raises:
        DataError: there is no such folder, no classes or no images, or parts have different classes, or seem to stand
            beside or below the classes.
    """
    root = Path(spec.path).expanduser()
    folders, others = class_folders(root)
    class_names = _class_names(root, folders, spec.class_names)
    files = {(part, name): image_files(folder) for (part, name), folder in folders.items()}
    if all(folder.parent == root for folder in folders.values()):  # no parts were found
        _refuse_parts_among(root, (name for _, name in folders))
        for key, (images, _) in files.items():
            _refuse_parts_among(folders[key], (image.split("/")[0] for image in images if "/" in image))
    for key, (images, _) in files.items():
        if not images:
            raise DataError(
                f"the class folder {folders[key]} holds no images (files that end in {', '.join(SUFFIXES[:3])} …): "
                "put some in, or remove it"
            )

    def items() -> Iterator[ImageItem]:
        for (part, name), (images, _) in files.items():
            below = folders[part, name].relative_to(root).as_posix()
            for image in images:
                yield ImageItem(part, class_names.index(name), f"{below}/{image}", folders[part, name] / image)

    names = [
        f"{folders[key].relative_to(root).as_posix()}/{image}" for key, (images, _) in files.items() for image in images
    ]
    parts = {part for part, _ in folders}
    labels = sorted((part, name, class_names.index(name)) for part, name in folders)
    outside = [name for name in others if name.lower().endswith(SUFFIXES)]
    unlike = [name for name in others if not name.lower().endswith(SUFFIXES)]
    unlike += [
        f"{folders[key].relative_to(root).as_posix()}/{name}" for key, (_, rest) in files.items() for name in rest
    ]
    return read_images(
        items,
        spec=spec,
        class_names=class_names,
        description=f"images of the folder {root.resolve().name}",
        digest=f"{digest_files(root, names)} {labels}",
        notes=(
            *_left_alone("images outside of the class folders", outside),
            *_left_alone("files that do not end as images do", unlike),
        ),
        draw_test_share=None if "test" in parts else spec.test,
    )


def class_folders(root: Path) -> tuple[dict[tuple[Part, str], Path], list[str]]:
    """(part, class) -> folder, sorted; and the files beside them. Without part folders all is training.

    Raises:
        DataError: there is no such folder, it holds no folders, or part folders beside others, or one without classes.
    """
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(f"data.path must be a folder with one folder a class: {root} {what}")
    top, others = _inside(root)
    if not top:
        raise DataError(f"{root} holds no folders: it must have one a class, or train/CLASS, test/CLASS")
    parts = {folder.name: PART_FOLDERS[folder.name.lower()] for folder in top if folder.name.lower() in PART_FOLDERS}
    if not parts:
        return {("train", folder.name): folder for folder in top}, others
    strange = [folder.name for folder in top if folder.name not in parts]
    if strange:
        raise DataError(
            f"{root} holds the parts {', '.join(parts)} and beside them {', '.join(strange[:3])}: put classes inside "
            "the parts, and move all else away"
        )
    if len(set(parts.values())) < len(parts):
        raise DataError(f"{root} holds two folders for one part: {', '.join(parts)}")
    found: dict[tuple[Part, str], Path] = {}
    for folder in top:
        inside, rest = _inside(folder)
        if not inside:
            raise DataError(
                f"the part {folder} holds no class folders: put its images into one a class, or move it away"
            )
        others += [f"{folder.name}/{name}" for name in rest]
        found |= {(parts[folder.name], each.name): each for each in inside}
    if "train" not in parts.values():
        raise DataError(f"{root} has no folder `train`: found {', '.join(parts)}")
    return found, others


def image_files(folder: Path) -> tuple[list[str], list[str]]:
    """Image files in a folder and below it, in order, as ``below/name.png``; and all others but hidden, likewise.

    Raises:
        DataError: a folder cannot be read.
    """
    images, others = [], []
    seen: set[str] = set()  # links may lead back up
    for where, folders, names in os.walk(folder, onerror=_refuse_unread, followlinks=True):
        real = os.path.realpath(where)
        if real in seen or os.path.realpath(folder).startswith(f"{real}{os.sep}"):
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name.lower() not in _LITTER)
        below = Path(where).relative_to(folder).as_posix()
        before = "" if below == "." else f"{below}/"
        for name in sorted(names):
            if name.startswith(".") or name.lower() in _LITTER:
                continue
            if name.lower().endswith(SUFFIXES):
                images.append(before + name)
            else:
                others.append(before + name)
    return images, others


def _refuse_unread(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename} cannot be read: {error.strerror}") from None


def _refuse_parts_among(where: Path, names: Iterable[str]) -> None:
    """Parts under names of their own, or below the classes, would be taken for classes, or mixed."""
    told = {
        PART_FOLDERS[word]: name
        for name in names
        for word in re.split(r"[^a-z]+", name.lower())
        if word in PART_FOLDERS
    }
    if len(told) > 1:
        raise DataError(
            f"{where} holds the folders {', '.join(sorted(told.values()))}, which seem to be parts of the data: "
            "data.path must name the folder that holds them, and they must be called train, validation and test, each "
            "with one folder a class; where these are no parts, put all class folders into a folder `train`"
        )


def _left_alone(what: str, names: list[str]) -> tuple[str, ...]:
    return (f"{what} were left alone: {len(names)}, as {printable(names[0])}",) if names else ()


def _inside(folder: Path) -> tuple[list[Path], list[str]]:
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".") and name.lower() not in _LITTER]
    except OSError as error:
        _refuse_unread(error)
    found = sorted(folder / name for name in names)
    files = [path.name for path in found if path.is_file()]
    return [path for path in found if path.is_dir()], files


def _class_names(root: Path, folders: dict[tuple[Part, str], Path], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    by_part: dict[Part, set[str]] = {}
    for part, name in folders:
        by_part.setdefault(part, set()).add(name)
    known = sorted(set().union(*by_part.values()))
    for part, names in by_part.items():
        if missing := [name for name in known if name not in names]:
            raise DataError(
                f"all parts must have the same class folders: {root} has {', '.join(missing)} elsewhere, not in {part}"
            )
    if wanted is None:
        return tuple(known)
    if sorted(wanted) != known:
        raise DataError(f"data.class_names must be the class folders, {', '.join(known)}; got {', '.join(wanted)}")
    return wanted
