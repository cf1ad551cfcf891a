"""Plain values (from YAML or JSON) to specifications, with errors that name the field and the likely intention."""

import json
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from paribus.errors import StudyError
from paribus.spec import Spec
from paribus.spec.base import FieldError
from paribus.suggest import from_known

S = TypeVar("S", bound=Spec)
Path = tuple[str, ...]


def validate(cls: type[S], plain: Any) -> S:
    """A specification from plain values.

    Raises:
        StudyError: for the first thing wrong, with its path.
    """
    try:
        return cls.model_validate(plain)
    except ValidationError as error:
        found = sorted(error.errors(include_url=False), key=lambda e: e["type"] == "missing")
        raise _explain(cls, plain, found) from None


def _explain(cls: type[Spec], plain: Any, found: Sequence[ErrorDetails]) -> StudyError:
    detail = found[0]
    given, kind, context = detail["input"], detail["type"], detail.get("ctx", {})
    path = _yaml_path(plain, detail["loc"], missing=kind == "missing")
    if kind == "extra_forbidden":
        owner = spec_class_at(cls, plain, path[:-1])
        known = list(owner.model_fields) if owner else []
        message = f"unknown field{from_known(path[-1], known)}"
    elif kind == "missing":
        message = "this field is needed"
    elif kind == "literal_error":
        known = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        message = f"`{given}` is not known{from_known(given, known)}"
    elif kind == "union_tag_invalid":
        known = [word.strip("'") for word in str(context["expected_tags"]).split(", ")]
        path = (*path, _discriminator(context))
        message = f"`{context['tag']}` is not known{from_known(context['tag'], known)}"
    elif kind == "union_tag_not_found":
        path = (*path, _discriminator(context))
        message = "this field is needed"
    elif kind == "value_error":
        message = str(context["error"])
        if isinstance(context["error"], FieldError):
            path = (*path, *context["error"].path.split("."))
    else:
        message = detail["msg"][0].lower() + detail["msg"][1:].replace("a valid tuple", "a list")
        message = (
            message.replace("tuple should", "list should") + _or_words(plain, path, found) + f", got {_short(given)}"
        )
    return StudyError(message, path=".".join(path))


def _or_words(plain: Any, path: Path, found: Sequence[ErrorDetails]) -> str:
    """Words that the field would take in place of what its first kind asks for."""
    words = [
        str(one["ctx"]["expected"])
        for one in found
        if one["type"] == "literal_error" and _yaml_path(plain, one["loc"], missing=False) == path
    ]
    return f" or {words[0]}" if words else ""


def _discriminator(context: Mapping[str, Any]) -> str:
    """The field that tells kinds apart; where a function reads it (networks), that is ``name``."""
    found = str(context["discriminator"]).strip("'")
    return "name" if found.endswith("()") else found


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _yaml_path(plain: Any, loc: Sequence[int | str], *, missing: bool) -> Path:
    """Where in the plain values an error is; pydantic's own segments (tags, union members) are left out.

    Args:
        plain: the values.
        loc: pydantic's place of the error.
        missing: whether its last segment names a field that is not there.
    """
    path: list[str] = []
    for i, segment in enumerate(loc):
        in_mapping = isinstance(plain, Mapping) and segment in plain
        if in_mapping or (isinstance(plain, list) and isinstance(segment, int) and segment < len(plain)):
            plain = plain[segment]
        elif not (missing and i == len(loc) - 1):
            continue
        path.append(str(segment))
    return tuple(path)


def spec_class_at(cls: type[Spec], plain: Any, path: Path) -> type[Spec] | None:
    """The specification class that describes the mapping at a path; None where there is none.

    Where several classes could stand (sources, optimizers …), the one that the mapping's tag names.
    """
    current: type[Spec] | None = cls
    members: list[type[Spec]] = []
    for segment in path:
        if isinstance(plain, list):  # one of a list, whose members the field before it describes
            plain = plain[int(segment)]
            current = _choose(members, plain)
            continue
        if current is None or segment not in current.model_fields:
            return None
        plain = plain.get(segment) if isinstance(plain, Mapping) else None
        members = _members(current.model_fields[segment].annotation)
        current = _choose(members, plain)
    return current


def tag_of(cls: type[Spec]) -> tuple[str, tuple[str, ...]] | None:
    """The field that tells this class from its siblings, and its values, as ``("name", ("adam", "adamw"))``.

    No values: a class for all names that no sibling has (a network of one's own).
    """
    for key in ("source", "name"):
        field = cls.model_fields.get(key)
        if field and field.is_required():
            return key, get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return None


def _members(annotation: Any) -> list[type[Spec]]:
    if get_origin(annotation) in (Union, UnionType, tuple):
        return [member for argument in get_args(annotation) for member in _members(argument)]
    if hasattr(annotation, "__metadata__"):
        return _members(get_args(annotation)[0])
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Spec) else []


def _choose(members: list[type[Spec]], plain: Any) -> type[Spec] | None:
    if len(members) <= 1:
        return members[0] if members else None
    for member in members:
        tag = tag_of(member)
        given = plain.get(tag[0]) if tag and isinstance(plain, Mapping) else plain
        if tag and (given in tag[1] or (not tag[1] and isinstance(given, str) and ":" in given)):
            return member
    return None
