"""Plain values (from YAML or JSON) to specifications, with errors that name the field and the likely intention."""

import math
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from paribus.errors import StudyError
from paribus.spec import Spec
from paribus.spec.base import FieldError, short
from paribus.suggest import from_known, nearest

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
    detail = _of_interest(plain, found)
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
        named = given if isinstance(given, str) else short(given)
        message = f"`{named}` is not known{from_known(named, known)}"
    elif kind == "union_tag_invalid":
        known = [word.strip("'") for word in str(context["expected_tags"]).split(", ")]
        path = (*path, _discriminator(context))
        message = f"`{context['tag']}` is not known{from_known(context['tag'], known)}"
    elif kind == "union_tag_not_found" and isinstance(given, Mapping):
        path = (*path, _discriminator(context))
        message = "this field is needed"
    elif kind == "value_error":
        message = str(context["error"])
        if isinstance(context["error"], FieldError):
            path = (*path, *context["error"].path.split("."))
    else:
        message = _must(detail) + _others(plain, path, found) + _form(cls, plain, path, detail)
        message += f", got {short(given)}"
    return StudyError(message, path=".".join(path))


_NUMBERS = ("int_type", "int_from_float", "float_type")
_MUST = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be finite",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "union_tag_not_found": "must be a mapping",
    "greater_than": "must be above {gt:.10g}",
    "greater_than_equal": "must be at least {ge:.10g}",
    "less_than": "must be below {lt:.10g}",
    "less_than_equal": "must be at most {le:.10g}",
    "too_short": "must have at least {min_length} of them",
    "too_long": "must have at most {max_length} of them",
    "string_too_short": "must not be empty",
}
"""Kinds of pydantic's errors -> what must hold, in our words."""


def _must(detail: ErrorDetails) -> str:
    if detail["type"] not in _MUST:
        return detail["msg"][0].lower() + detail["msg"][1:]
    return _MUST[detail["type"]].format(**detail.get("ctx", {}))


def _others(plain: Any, path: Path, found: Sequence[ErrorDetails]) -> str:
    """What the field would take in place of what its first kind asks for."""
    here = [one for one in found[1:] if _yaml_path(plain, one["loc"], missing=False) == path]
    words = [str(one["ctx"]["expected"]).replace("'", "`") for one in here if one["type"] == "literal_error"]
    lists = [_length(one) for one in here] if found[0]["type"] in _NUMBERS else []
    return "".join(f" or {word}" for word in (*words[:1], *[each for each in lists if each][:1]))


def _length(detail: ErrorDetails) -> str:
    """The list that a value should have been, or nothing."""
    if detail["type"] == "tuple_type":
        return "a list"
    if detail["type"] == "too_long":
        return f"a list of {detail['ctx']['max_length']}"
    last = detail["loc"][-1]
    return f"a list of {last + 1}" if detail["type"] == "missing" and isinstance(last, int) else ""


def _of_interest(plain: Any, found: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first error; where a list was given that may be one, what is wrong inside of it."""
    first = found[0]
    if isinstance(first["input"], list) and first["type"] in _NUMBERS:
        place = _yaml_path(plain, first["loc"], missing=False)
        for one in found[1:]:
            inside = _yaml_path(plain, one["loc"], missing=False)
            if len(inside) > len(place) and inside[: len(place)] == place:
                return one
    return first


def _form(cls: type[Spec], plain: Any, path: Path, detail: ErrorDetails) -> str:
    """How a value of the right kind is written, with what was given where that fits; or nothing."""
    kind, given = detail["type"], detail["input"]
    if kind in _NUMBERS and isinstance(given, str) and _is_number(given):
        return " without quotes"
    if kind in ("int_type", "int_from_float") and isinstance(given, float) and given.is_integer() and abs(given) < 1e15:
        return f", as {int(given)}"
    if kind == "string_type" and isinstance(given, int | float):
        return f", as '{short(given)}' in quotes"
    if kind == "tuple_type" and given is not None:
        return f", as [{given if isinstance(given, str) else short(given)}]"
    if _MUST.get(kind) != "must be a mapping":
        return ""
    classes = _classes_at(cls, plain, path)
    tags = [tag for one in classes if (tag := tag_of(one))]
    if tags:
        names = [name for _, values in tags for name in values]
        name = nearest(str(given), names) or (names[0] if len(names) == 1 else "…")
        return f", as {{{tags[0][0]}: {name}}}" + (f" (known: {', '.join(names)})" if len(names) > 1 else "")
    return f", as {{{_fields(classes[0], given)}}}" if classes else ""


def _fields(cls: type[Spec], given: Any) -> str:
    """The fields that a mapping must have; where there are none, the first one, with the given value if it fits."""
    needed = [f"{name}: …" for name, field in cls.model_fields.items() if field.is_required()]
    if needed:
        return ", ".join(needed)
    name, field = next(iter(cls.model_fields.items()))
    try:
        cls.model_validate({name: given})
    except ValidationError:
        given = field.default
    return f"{name}: {short(given)}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _classes_at(cls: type[Spec], plain: Any, path: Path) -> list[type[Spec]]:
    """The specification classes of which one could stand at a path."""
    *owner, last = path
    while owner and last.isdigit():
        *owner, last = owner
    at = spec_class_at(cls, plain, tuple(owner))
    return _members(at.model_fields[last].annotation) if at and last in at.model_fields else []


def _discriminator(context: Mapping[str, Any]) -> str:
    """The field that tells kinds apart; where a function reads it (networks), that is ``name``."""
    found = str(context["discriminator"]).strip("'")
    return "name" if found.endswith("()") else found


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
    by_name = False
    for segment in path:
        if isinstance(plain, list) or by_name:  # one of many, which the field before it describes
            plain = plain[int(segment)] if isinstance(plain, list) else plain.get(segment)
            current, by_name = _choose(members, plain), False
            continue
        if current is None or segment not in current.model_fields:
            return None
        plain = plain.get(segment) if isinstance(plain, Mapping) else None
        annotation = current.model_fields[segment].annotation
        by_name = get_origin(annotation) is dict and isinstance(plain, Mapping)
        members = _members(annotation)
        current = None if by_name else _choose(members, plain)
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
    if get_origin(annotation) in (Union, UnionType, tuple, dict):
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
    if isinstance(plain, Mapping) and not any(map(tag_of, members)):  # told apart by their fields
        return max(members, key=lambda member: len(member.model_fields.keys() & plain.keys()))
    return None
