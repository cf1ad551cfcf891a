"""What a pickle of plain values and arrays says, found without doing what it says.

CIFAR-10's official files are pickles. Python's unpickler calls whatever a pickle names; here its instructions are read
one by one (by ``pickletools``, which only takes them apart), calls are kept as what was to be called with what, and
arrays are made from their bytes where all of that is as numpy writes it. Nothing else is understood.
"""

import pickletools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_INSTRUCTIONS = 2_000_000
"""A batch of CIFAR-10 has some 30,000."""


@dataclass(slots=True, eq=False)
class _Name:
    """A global that the pickle asks for; never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class _Call:
    """Something to be called, and the state that was to be given to what comes of it."""

    what: Any
    arguments: Any
    state: Any = None
    made: Any = None
    """Once it is; a pickle may name one array a million times."""


_MARK = object()
_PUSHES = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"}
_PUSHES |= {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_BYTES_OF_PYTHON_2 = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}


def plain_values(content: bytes) -> Any:
    """The value of a pickle: numbers, strings, bytes, lists, tuples, dicts and arrays of uint8.

    Strings of Python 2 are bytes.

    Raises:
        ValueError: it is damaged, or asks for anything else; says for what.
        IndexError, KeyError, TypeError, AttributeError, OverflowError: it is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # for odd escapes in damaged texts
        return _follow(content)


def _follow(content: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    given: Any
    for n, (instruction, given, _) in enumerate(pickletools.genops(content)):
        name = instruction.name
        if n > MOST_INSTRUCTIONS:
            raise ValueError("it has too many instructions")
        if name in _PUSHES:
            stack.append(given)
        elif name in _BYTES_OF_PYTHON_2:
            stack.append(given.encode("latin-1") if isinstance(given, str) else given)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if given is None else int(given)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[int(given)])
        elif name == "STOP":
            (value,) = stack
            return _made(value)
        elif name not in ("PROTO", "FRAME"):
            _build(name, given, stack)
    raise ValueError("it does not end")


def _build(name: str, given: Any, stack: list[Any]) -> None:
    """The instructions that make something of what is on the stack."""
    match name:
        case "MARK":
            stack.append(_MARK)
        case "TUPLE" | "LIST" | "DICT":
            items = _since_mark(stack)
            stack.append(tuple(items) if name == "TUPLE" else items if name == "LIST" else _pairs(items))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            n = int(name[-1])
            if len(stack) < n:
                raise ValueError("it is cut off or damaged")
            stack[-n:] = [tuple(stack[-n:])]
        case "APPEND" | "APPENDS":
            items = [stack.pop()] if name == "APPEND" else _since_mark(stack)
            stack[-1].extend(_made(item) for item in items)
        case "SETITEM" | "SETITEMS":
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else _since_mark(stack)
            stack[-1].update(_pairs(items))
        case "GLOBAL" | "STACK_GLOBAL":
            words = str(given).split(" ", 1) if name == "GLOBAL" else [str(stack.pop(-2)), str(stack.pop())]
            stack.append(_known(_Name(*words)))
        case "REDUCE":
            arguments, what = stack.pop(), stack.pop()
            stack.append(_bytes(arguments) if str(what) == "_codecs.encode" else _Call(what, arguments))
        case "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], _Call):
                raise ValueError("it gives a state to what takes none")
            stack[-1].state = state
        case _:
            raise ValueError(f"it has the instruction {name}, which plain values do not need: refused")


_NUMPY = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}


def _known(name: _Name) -> _Name:
    name.module = name.module.replace("numpy._core", "numpy.core")
    if (name.module, name.name) not in _NUMPY:
        raise ValueError(f"it asks for {name}, which could run code: refused")
    return name


def _since_mark(stack: list[Any]) -> list[Any]:
    at = max(i for i, value in enumerate(stack) if value is _MARK)
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return {key: _made(value) for key, value in zip(items[::2], items[1::2], strict=True)}


def _bytes(arguments: Any) -> bytes:
    """Bytes as Python 3 writes them for Python 2: text, to be encoded."""
    text, encoding = arguments
    if encoding != "latin1":
        raise ValueError("it encodes text in another way than numpy does")
    encoded: bytes = text.encode("latin-1")
    return encoded


def _made(value: Any) -> Any:
    """The array that a call would make; all else as it is."""
    if not isinstance(value, _Call):
        return value
    if value.made is None:
        if str(value.what) != "numpy.core.multiarray._reconstruct":
            raise ValueError(f"it makes something by {value.what}: refused")
        _, shape, dtype, fortran, data = value.state
        kind = dtype.arguments[0] if isinstance(dtype, _Call) and str(dtype.what) == "numpy.dtype" else None
        if kind not in ("u1", b"u1"):
            raise ValueError("it holds an array of other than bytes")
        value.made = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C").copy()
    return value.made
