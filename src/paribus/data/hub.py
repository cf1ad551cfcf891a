"""Image-classification data sets of the Hugging Face hub, fetched before, or parquet files in its convention."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paribus.data import parquet
from paribus.data.dataset import Dataset
from paribus.data.files import digest_files
from paribus.data.folder import PART_FOLDERS
from paribus.data.images import ImageItem, read_images
from paribus.errors import DataError
from paribus.record import Part
from paribus.spec import HubData


def load(spec: HubData) -> Dataset:
    """The images of a data set of the hub or of parquet files.

    Raises:
        DataError: they are missing or damaged, or lack a column.
    """
    return _of_files(spec, Path(spec.path).expanduser()) if spec.path is not None else _of_hub(spec)


def part_of(name: str, what: str) -> Part:
    """The part that a name means, as ``valid``.

    Raises:
        DataError: it means none.
    """
    found = PART_FOLDERS.get(str(name).lower())
    if found is None:
        raise DataError(f"{what} must be train, validation or test, got {name!r}")
    return found


# ---------------------------------------------------------------- parquet files


def _of_files(spec: HubData, path: Path) -> Dataset:
    files = _files(path)
    columns = [spec.label, *([spec.part] if spec.part else [])]
    _refuse_unnamed_part(spec, files)
    parts: list[Part] = []
    labels: list[Any] = []
    spans: list[tuple[Path, int]] = []
    for file, part in files:
        before = len(labels)
        for row in parquet.rows(file, [*columns]):
            labels.append(row[spec.label])
            parts.append(part_of(row[spec.part], f"column `{spec.part}` of {file}") if spec.part else part)
        spans.append((file, before))
    if not labels:
        raise DataError(f"{path} holds no rows")
    names = {parquet.label_names(file, spec.label): file for file, _ in files}
    if len(names) > 1:
        first, second, *_ = names.values()
        raise DataError(f"all files must name the classes alike, in the same order: {first} and {second} differ")
    y, class_names = parquet.classes(labels, next(iter(names)), f"column `{spec.label}`")

    def items() -> Iterator[ImageItem]:
        for file, start in spans:
            yield from parquet.items(file, spec.image, parts[start:], y[start:], file.name)

    digest = digest_files(path.parent, [file.relative_to(path.parent).as_posix() for file, _ in files])
    return read_images(
        items,
        spec=spec,
        class_names=class_names,
        description=f"images of {path.name}",
        digest=f"{digest} {spec.image} {spec.label} {spec.part}",
        draw_test_share=None if "test" in parts else spec.test,
    )


def _refuse_unnamed_part(spec: HubData, files: list[tuple[Path, Part]]) -> None:
    """A file with an official split in it is not to be taken for training alone."""
    if spec.part is not None or len({part for _, part in files}) > 1:
        return
    for name in parquet.columns(files[0][0]) if files else ():
        if name.lower() in ("split", "usage", "part", "subset"):
            raise DataError(f"{files[0][0]} has a column `{name}`, which seems to tell parts: set data.part to it")


def _files(path: Path) -> list[tuple[Path, Part]]:
    """Each file with the part that its name says."""
    if path.is_file():
        return [(path, "train")]
    if not path.is_dir():
        raise DataError(f"there is no file or folder {path}: look for a slip in data.path")
    found = sorted(path.rglob("*.parquet"))
    if not found:
        raise DataError(f"{path} holds no parquet files, as train-00000-of-00001.parquet")
    return [(file, part_of(file.name.split("-")[0].split(".")[0], f"the name of {file}")) for file in found]


# ---------------------------------------------------------------- the hub


def _of_hub(spec: HubData) -> Dataset:
    assert spec.name is not None
    found = _fetched(spec)
    parts: dict[str, Part] = {name: part_of(name, f"a split of {spec.name}") for name in found}
    first = next(iter(found.values()))
    for column in (spec.image, spec.label):
        if column not in first.column_names:
            raise DataError(f"{spec.name} has no column `{column}`; it has {', '.join(first.column_names)}")
    names = getattr(first.features[spec.label], "names", None)
    labels = {name: list(split[spec.label]) for name, split in found.items()}
    flat = [label for each in labels.values() for label in each]
    y, class_names = parquet.classes(flat, tuple(names) if names else None, f"column `{spec.label}`")

    def items() -> Iterator[ImageItem]:
        from datasets import Image

        at = 0
        for name, split in found.items():
            for i, row in enumerate(split.select_columns([spec.image]).cast_column(spec.image, Image(decode=False))):
                value = row[spec.image]
                content = value["bytes"] if value["bytes"] is not None else _in_cache(str(value["path"]))
                yield ImageItem(parts[name], y[at], f"{name} row {i}", content)
                at += 1

    return read_images(
        items,
        spec=spec,
        class_names=class_names,
        description=f"{spec.name} of the Hugging Face hub",
        digest=" ".join([*(f"{name} {split._fingerprint}" for name, split in found.items()), spec.image, spec.label]),
        draw_test_share=None if "test" in parts.values() else spec.test,
    )


def _in_cache(path: str) -> Path | bytes:
    """A file of the library's own; a data set may name any other, which is then an image that cannot be read."""
    import datasets.config
    import huggingface_hub.constants

    homes = (
        datasets.config.HF_CACHE_HOME,
        datasets.config.HF_DATASETS_CACHE,
        datasets.config.DOWNLOADED_DATASETS_PATH,
        huggingface_hub.constants.HF_HUB_CACHE,
    )
    found = Path(path).resolve()
    return found if any(found.is_relative_to(Path(home).expanduser().resolve()) for home in homes) else b""


def _fetched(spec: HubData) -> Any:
    """The splits by name, from the library's own cache; nothing is downloaded."""
    assert spec.name is not None
    datasets = need_datasets()
    with _offline():
        try:
            return datasets.load_dataset(spec.name, spec.config)
        except Exception as error:  # the library raises errors of many kinds for what is missing
            what = f"hub:{spec.name}" + (f":{spec.config}" if spec.config else "")
            raise DataError(
                f"the hub's data set {spec.name} is not here ({str(error).splitlines()[0]}): "
                f"fetch it with `paribus data fetch {what}`"
            ) from None


def need_datasets() -> Any:
    """The library ``datasets``.

    Raises:
        DataError: it is not installed.
    """
    try:
        import datasets
    except ImportError:
        raise DataError("data sets of the hub need the library datasets: pip install 'paribus[hub]'") from None
    datasets.disable_progress_bars()
    return datasets


@contextmanager
def _offline() -> Iterator[None]:
    """No silent download, whatever the environment says."""
    import datasets.config
    import huggingface_hub.constants

    before = datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE = before
