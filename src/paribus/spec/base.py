"""What all specifications share: strictness, ranges and short forms."""

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float | bool | None
LARGEST = 1e30
"""Bound of rates and decays: far beyond any use, and a float of the least precision holds it."""
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_in(text: str) -> float | None:
    """Of ``90``, ``90s``, ``30m`` or ``1.5h``; None where it is none of these."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip(), re.ASCII)
    return float(found[1]) * _UNITS[found[2]] if found else None


class Spec(BaseModel):
    """Base of all specifications: frozen; unknown keys, NaN and infinity refused; ``"3"`` is not a number.

    Fields that hold tuples are marked ``strict=False``, since YAML and JSON have only lists; their items stay strict.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class FieldError(ValueError):
    """What is wrong with a field that only shows beside another one."""

    def __init__(self, path: str, message: str) -> None:
        """Args: path, dotted, from the specification that looks; message."""
        super().__init__(message)
        self.path = path


def module_and_name(value: str) -> str:
    """The name of something that is not of paribus, unless it does not have the form ``package.module:name``."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*", value):
        raise ValueError(
            f"must be package.module:name, a file without .py, folders with dots, as `my_net:MyNet`; got `{value}`"
        )
    return value


def named(value: Any) -> Any:
    """``adam`` is short for ``{name: adam}``."""
    return {"name": value} if isinstance(value, str) else value


def short(value: Any) -> str:
    """A value as JSON, which YAML takes too, or the beginning of it."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
