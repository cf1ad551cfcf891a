"""Image files in folders that are called as their classes."""

import os
from collections.abc import Iterator
from pathlib import Path

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
        DataError: there is no such folder, no classes or no images, or parts have different classes.
    """
    root = Path(spec.path).expanduser()
    folders, others = class_folders(root)
    class_names = _class_names(root, folders, spec.class_names)
    files = {(part, name): image_files(folder) for (part, name), folder in folders.items()}
    ignored = [*others]
    for key, (images, rest) in files.items():
        ignored += rest
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
    notes = (
        (f"files that are no images were left alone: {len(ignored)}, as {printable(ignored[0])}",) if ignored else ()
    )
    return read_images(
        items,
        spec=spec,
        class_names=class_names,
        description=f"images of the folder {root.resolve().name}",
        digest=f"{digest_files(root, names)} {labels}",
        notes=notes,
        draw_test_share=None if "test" in parts else spec.test,
    )


def class_folders(root: Path) -> tuple[dict[tuple[Part, str], Path], list[str]]:
    """(part, class) -> folder, sorted; and the files beside them. Without part folders all is training.

    Raises:
        DataError: there is no such folder, or it holds no folders, or part folders beside others.
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
        others += [f"{folder.name}/{name}" for name in rest]
        found |= {(parts[folder.name], each.name): each for each in inside}
    if "train" not in parts.values():
        raise DataError(f"{root} has no folder `train`: found {', '.join(parts)}")
    return found, others


def image_files(folder: Path) -> tuple[list[str], list[str]]:
    """Image files in a folder and below it, in order, as ``below/name.png``; and the names of all others but hidden."""
    images, others = [], []
    seen: set[str] = set()  # links may lead back up
    for where, folders, names in os.walk(folder, followlinks=True):
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
                others.append(name)
    return images, others


def _inside(folder: Path) -> tuple[list[Path], list[str]]:
    found = sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in _LITTER
    )
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
