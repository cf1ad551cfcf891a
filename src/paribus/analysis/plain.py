"""Plain values (of a specification, of an environment) as text, one beside the other."""

from collections.abc import Mapping
from typing import Any


def flat(value: Any) -> str:
    """A plain value in one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flat(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flat, value)) + "]"
    return str(value)


def leaves(value: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, inner in value.items():
        here = f"{path}.{key}" if path else key
        found |= leaves(inner, here) if isinstance(inner, Mapping) and inner else {here: flat(inner)}
    return found


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Dotted path -> the two values, where they differ; a dash where one has no such field."""
    ours, theirs = leaves(first), leaves(second)
    paths = dict.fromkeys([*ours, *theirs])
    return {path: (ours.get(path, "–"), theirs.get(path, "–")) for path in paths if ours.get(path) != theirs.get(path)}
