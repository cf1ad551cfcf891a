"""What levels are called."""

from typing import Any

NOTHING = "nothing"
"""An empty list, mapping or text: a level without a name could not be spoken of."""


def level_name(value: Any, *, long: bool = False) -> str:
    """What a level is called: ``relu``, ``0.001``, ``none``, ``step``, ``crop flip``, ``nothing`` where it is empty.

    Args:
        value: of the field that the level sets.
        long: all fields of a mapping, also inside lists, and all digits of a number.
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple | str) and not value:
        return NOTHING
    if isinstance(value, dict):
        tag = value.get("name", value.get("source"))
        if tag is not None and not long:
            return str(tag)
        return ", ".join(f"{key} {level_name(item, long=long)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        apart = " + " if long and any(isinstance(item, dict) for item in value) else " "
        return apart.join(level_name(item, long=long) for item in value)
    if isinstance(value, float):
        short = f"{value:g}"
        return short if not long or float(short) == value else str(value)
    return str(value)
