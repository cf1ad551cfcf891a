"""A study file (YAML 1.2) to a `StudySpec`; every error with file, line and field."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import YAMLError

from paribus.errors import StudyError
from paribus.grid import cells, check_reported, patch
from paribus.spec import Baseline, StudySpec
from paribus.suggest import from_known
from paribus.validate import validate

LARGEST_STUDY_FILE = 1_000_000
"""In bytes; a study file is a page of text."""


def load_study(study: str | Path, settings: Sequence[str] = ()) -> StudySpec:
    """A study from a file, or a built-in one by its name.

    Args:
        study: path of a YAML file, or a name that `builtin_studies` lists.
        settings: ``path=value`` each, the value as YAML. A path that starts with ``data``, ``model`` or ``train``
            changes the baseline; any other names a field of the study (``seeds=3``).

    Raises:
        StudyError: the file cannot be read or is not a valid study.
    """
    path, shown = _find(study)
    tree = _parse(path, shown)
    try:
        plain = _plain(tree)
    except RecursionError:
        raise StudyError("nested too deeply, or an anchor that holds itself", file=shown) from None
    if not isinstance(plain, dict):
        raise StudyError("a study is a mapping with name, question and baseline", file=shown, line=1)
    try:
        spec = validate(StudySpec, plain)
        cells(spec)
        check_reported(spec)
    except StudyError as error:
        raise StudyError(
            error.message, path=error.path.removeprefix("baseline."), file=shown, line=_line(tree, error.path)
        ) from None
    return apply_settings(spec, settings) if settings else spec


def builtin_studies() -> dict[str, Path]:
    """The studies that come with paribus: name -> file."""
    folder = resources.files("paribus") / "studies"
    files = [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    return {file.stem: file for file in sorted(files)}


def parse_setting(setting: str) -> tuple[str, Any]:
    """The path and the value of ``path=value``; the value is YAML.

    Raises:
        StudyError: it is not of that form.
    """
    path, equals, text = setting.partition("=")
    if not equals or not path.strip():
        raise StudyError("give it as path=value, as in --set train.epochs=20", path=f"--set {setting}")
    try:
        return path.strip(), _plain(YAML(typ="rt").load(text))
    except (YAMLError, ValueError, RecursionError):
        raise StudyError("the value is not valid YAML", path=f"--set {setting}") from None


def apply_settings(spec: StudySpec, settings: Sequence[str]) -> StudySpec:
    """A study with each ``path=value`` set.

    Raises:
        StudyError: a setting is not of that form, its path leads nowhere, or the study is not valid with it.
    """
    study: dict[str, Any] = {}
    baseline: dict[str, Any] = {}
    for setting in settings:
        path, value = parse_setting(setting)
        path = path.removeprefix("baseline.")
        top = path.split(".")[0]
        if top in Baseline.model_fields:
            baseline[path] = value
        elif path == "baseline":
            raise StudyError("set its fields, as in --set train.epochs=20", path=f"--set {setting}")
        elif top in StudySpec.model_fields and path != top:
            raise StudyError(f"`{top}` can only be set as a whole: edit the file", path=f"--set {setting}")
        elif path in StudySpec.model_fields:
            study[path] = value
        else:
            known = [*Baseline.model_fields, *StudySpec.model_fields]
            raise StudyError(f"no such field{from_known(top, known)}", path=f"--set {setting}")
    plain = spec.model_dump(mode="json", exclude_unset=True) | study
    try:
        plain["baseline"] = patch(spec.baseline, baseline)
        if isinstance(study.get("seeds"), dict) and "vary" not in baseline:
            plain["baseline"].pop("vary", None)  # what the file had is replaced with the seeds
        result = validate(StudySpec, plain)
        cells(result)
    except StudyError as error:
        raise StudyError(f"{error.path.removeprefix('baseline.')}: {error.message}", path="--set") from None
    return result


def _find(study: str | Path) -> tuple[Path, str]:
    builtin = builtin_studies()
    if str(study) in builtin and not Path(study).is_file():
        return builtin[str(study)], f"{study}.yaml (built in)"
    path = Path(study)
    if path.is_file():
        return path, str(study)
    if path.is_dir():
        raise StudyError("a study is a YAML file; this is a folder", file=str(study))
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise StudyError("no such file; `paribus studies` lists the built-in ones", file=str(study))
    raise StudyError(f"no such file, and no built-in study has this name{from_known(study, builtin)}", file=str(study))


def _parse(path: Path, shown: str) -> Any:
    try:
        if path.stat().st_size > LARGEST_STUDY_FILE:
            raise StudyError(
                f"a study file is at most {LARGEST_STUDY_FILE} bytes, this has {path.stat().st_size}", file=shown
            )
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StudyError(f"cannot be read: {error.strerror}", file=shown) from None
    except UnicodeDecodeError:
        raise StudyError("is not text in UTF-8", file=shown) from None
    try:
        return YAML(typ="rt").load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or str(error).splitlines()[0]).split("\n")[0]
        raise StudyError(f"not valid YAML: {problem}", file=shown, line=mark.line + 1 if mark else None) from None
    except (RecursionError, ValueError) as error:
        raise StudyError(f"not valid YAML: {error}", file=shown) from None


def _plain(value: Any) -> Any:
    """ruamel's round-trip values as plain Python ones."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _line(tree: Any, path: str) -> int | None:
    """The line, from 1, of the deepest part of a dotted path that the file holds."""
    line = None
    while path and isinstance(tree, CommentedBase):
        if isinstance(tree, Mapping):
            held = [key for key in tree if path == str(key) or path.startswith(f"{key}.")]
            if not held:
                break
            step: Any = max(held, key=lambda key: len(str(key)))
        elif isinstance(tree, Sequence) and path.split(".")[0].isdigit():
            step = int(path.split(".")[0])
        else:
            break
        marks: Any = tree.lc
        try:
            line = (marks.key if isinstance(tree, Mapping) else marks.item)(step)[0] + 1
            tree = tree[step]
        except (KeyError, TypeError, IndexError):
            break  # merged keys (<<) and tagged collections have no line of their own
        path = path.removeprefix(str(step)).removeprefix(".")
    return line
