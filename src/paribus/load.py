"""A study file (YAML 1.2) to a `StudySpec`; every error with file, line and field."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event, NodeEvent

from paribus.consent import allowed, what_it_runs
from paribus.errors import ImportRefused, StudyError
from paribus.grid import cells, check_reported, patch
from paribus.spec import Baseline, StudySpec
from paribus.suggest import from_known
from paribus.validate import validate

LARGEST_STUDY_FILE = 1_000_000
"""In bytes; a study file is a page of text."""
DEEPEST = 40
"""Mappings and lists inside each other; studies have about six."""
MOST_VALUES = 50_000
"""Values in a study file, those that aliases repeat counted each time."""
ODD = (RecursionError, ValueError, TypeError, AttributeError, LookupError, AssertionError)
"""What ruamel raises, beside its own errors, for values that cannot be: a date in month 99, a mapping as a key."""


def load_study(study: str | Path, settings: Sequence[str] = (), *, allow_import: bool = False) -> StudySpec:
    """A study from a file, or a built-in one by its name, to be run.

    Args:
        study: path of a YAML file, or a name that `builtin_studies` lists.
        settings: ``path=value`` each, the value as YAML. A path that starts with ``data``, ``model`` or ``train``
            changes the baseline; any other names a field of the study (``seeds=3``), or one of a search's
            (``design.trials=8``).
        allow_import: code that is not of paribus may be imported later, which runs it;
            ``PARIBUS_ALLOW_IMPORT=1`` in the environment allows it too.

    Raises:
        StudyError: the file cannot be read or is not a valid study.
        ImportRefused: it names code that is not of paribus, and that is not allowed.
    """
    spec = read_study(study, settings)
    foreign = [name for each in (spec.baseline, *(found for _, found in cells(spec))) for name in each.foreign()]
    if foreign and not allowed(allow_import):
        raise ImportRefused(str(study), what_it_runs(foreign))
    return spec


def read_study(study: str | Path, settings: Sequence[str] = ()) -> StudySpec:
    """As `load_study`, to be looked at: whoever imports what it names must ask first.

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
        return path.strip(), _plain(_yaml(text))
    except (YAMLError, *ODD):
        raise StudyError("the value is not valid YAML", path=f"--set {setting}") from None


def apply_settings(spec: StudySpec, settings: Sequence[str]) -> StudySpec:
    """A study with each ``path=value`` set.

    Raises:
        StudyError: a setting is not of that form, its path leads nowhere, or the study is not valid with it.
    """
    plain = spec.model_dump(mode="json", exclude_unset=True)
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
        elif top == "design" and path != top:
            design = study.get(top, plain.get(top, spec.design))
            study[top] = _with_field(design, path.removeprefix("design."), value, setting)
        elif top in StudySpec.model_fields and path != top:
            raise StudyError(f"`{top}` can only be set as a whole: edit the file", path=f"--set {setting}")
        elif path in StudySpec.model_fields:
            study[path] = value
        else:
            known = [*Baseline.model_fields, *StudySpec.model_fields]
            raise StudyError(f"no such field{from_known(top, known)}", path=f"--set {setting}")
    plain |= study
    try:
        plain["baseline"] = patch(spec.baseline, baseline)
        if isinstance(study.get("seeds"), dict) and "vary" not in baseline:
            plain["baseline"].pop("vary", None)  # what the file had is replaced with the seeds
        result = validate(StudySpec, plain)
        cells(result)
    except StudyError as error:
        raise StudyError(f"{error.path.removeprefix('baseline.')}: {error.message}", path="--set") from None
    return result


def _with_field(design: Any, field: str, value: Any, setting: str) -> dict[str, Any]:
    """A search with one of its fields set; other designs are words and have none."""
    if not isinstance(design, dict):
        raise StudyError(
            f"`design` is `{design}`, which has no fields: only a search has, as in "
            "--set 'design={search: tpe, trials: 20}'",
            path=f"--set {setting}",
        )
    return {**design, field: value}


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
        return _yaml(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or str(error).splitlines()[0]).split("\n")[0]
        raise StudyError(f"not valid YAML: {problem}", file=shown, line=mark.line + 1 if mark else None) from None
    except ODD as error:
        raise StudyError(f"not valid YAML: {error}", file=shown) from None


def _yaml(text: str) -> Any:
    """The values of a YAML text, looked over before any is built: a page of text can stand for terabytes.

    Raises:
        YAMLError, ValueError: it is not YAML, or holds too much.
    """
    yaml = YAML(typ="rt")
    _refuse_bombs(yaml.parse(text))
    return YAML(typ="rt").load(text)


def _refuse_bombs(events: Iterable[Event]) -> None:
    n_values = 0
    within: list[tuple[str | None, int]] = []  # anchor of each open collection, and the count before it
    sizes: dict[str, int] = {}
    for event in events:
        if isinstance(event, CollectionEndEvent):
            anchor, before = within.pop()
            if anchor is not None:
                sizes[anchor] = n_values - before
            continue
        if isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in within):
                raise MarkedYAMLError(problem="an anchor that holds itself", problem_mark=event.start_mark)
            n_values += sizes.get(event.anchor, 1)
        elif isinstance(event, NodeEvent):
            if isinstance(event, CollectionStartEvent):
                within.append((event.anchor, n_values))
            elif event.anchor is not None:
                sizes[event.anchor] = 1
            n_values += 1
        if len(within) > DEEPEST or n_values > MOST_VALUES:
            problem = (
                f"nested too deeply: a study has at most {DEEPEST} mappings and lists inside each other"
                if len(within) > DEEPEST
                else f"too much: a study has at most {MOST_VALUES} values, those that aliases repeat counted each time"
            )
            raise MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


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
