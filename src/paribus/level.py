"""What levels are called."""

from typing import Any


def level_name(value: Any, *, long: bool = False) -> str:
    """What a level is called: ``relu``, ``0.001``, ``none``, ``step``; with ``long`` all fields of a mapping."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        tag = value.get("name", value.get("source"))
        if tag is not None and not long:
            return str(tag)
        return ", ".join(f"{key} {level_name(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(level_name, value))
    return f"{value:g}" if isinstance(value, float) and not long else str(value)
