"""The data that a person means by a word: a study, a source, a file or a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from paribus.errors import StudyError
from paribus.load import builtin_studies, parse_setting, read_study
from paribus.spec import Baseline, DataSpec
from paribus.spec.base import Spec
from paribus.suggest import from_known
from paribus.validate import tag_of, validate


class _Asked(Spec):
    data: DataSpec


def which_data(what: str, settings: Sequence[str] = ()) -> DataSpec:
    """The data specification for a study's baseline, a source by its name, or files by their path.

    Args:
        what: a study file or the name of a built-in study; the name of a source (``fer2013``); a ``.parquet``,
            ``.csv`` or ``.npz`` file; a folder of images, or of parquet files.
        settings: ``path=value`` each, for fields of the data, with or without ``data.`` before them.

    Raises:
        StudyError: nothing is called so, or the specification is not valid.
        DataError: a parquet file cannot be read.
    """
    path = Path(what)
    sources = [name for member in get_args(get_args(DataSpec)[0]) for name in (tag_of(member) or ("", ()))[1]]
    if what in sources:
        return _spec({"source": what}, settings)
    if path.is_dir():
        return _spec({"source": _of_folder(path), "path": what}, settings)
    if path.suffix.lower() in (".csv", ".npz", ".parquet") and path.is_file():
        return _spec(_of_file(path), settings)
    if path.is_file() or what in builtin_studies():
        return read_study(what, [_in_data(setting) for setting in settings]).baseline.data
    if len(path.parts) > 1 or path.suffix:
        raise StudyError("no such file or folder", file=what)
    known = [*sources, *builtin_studies()]
    raise StudyError(f"no source, built-in study, file or folder is called `{what}`{from_known(what, known)}")


def _of_folder(path: Path) -> str:
    names = {each.name.lower() for each in path.iterdir()}
    if "publictest" in names or "privatetest" in names:
        return "fer2013"
    if "data_batch_1" in names or "cifar-10-batches-py" in names:
        return "cifar10"
    return "hub" if any(name.endswith(".parquet") for name in names) else "folder"


def _of_file(path: Path) -> dict[str, Any]:
    suffix = path.suffix.lower()
    if suffix != ".parquet":
        return {"source": {".csv": "fer2013", ".npz": "npz"}[suffix], "path": str(path)}
    from paribus.data.parquet import columns

    found = {name.lower(): name for name in columns(path)}
    if "usage" in found:
        return {"source": "fer2013", "path": str(path)}
    if path.name.lower().startswith("cifar10") and {"image", "label", "split"} <= set(found.values()):
        return {"source": "cifar10", "path": str(path)}
    return {"source": "hub", "path": str(path), **({"part": found["split"]} if "split" in found else {})}


def _in_data(setting: str) -> str:
    setting = setting.strip().removeprefix("baseline.")
    top = setting.partition("=")[0].strip().split(".")[0]
    return setting if top in Baseline.model_fields else f"data.{setting}"


def _spec(plain: dict[str, Any], settings: Sequence[str]) -> DataSpec:
    given = plain | dict(_parse(setting) for setting in settings)
    try:
        return validate(_Asked, {"data": given}).data
    except StudyError as error:
        missing = error.message == "this field is needed"
        hint = f": give it as --set {error.path.removeprefix('data.')}=…" if missing else ""
        raise StudyError(error.message + hint, path=error.path) from None


def _parse(setting: str) -> tuple[str, Any]:
    path, value = parse_setting(setting)
    return path.removeprefix("baseline.").removeprefix("data."), value
