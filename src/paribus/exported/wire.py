"""An ONNX file looked through before onnxruntime believes it: what it holds, what it claims, what it would follow.

The format is Protocol Buffers (https://protobuf.dev/programming-guides/encoding); field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Only what a network of paribus can hold is let through: one
straight graph of ONNX's own operators with its weights inside.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MOST_FIELDS = 1_000_000
"""Of all messages that are looked into; a ResNet-18 has some hundreds."""
LONGEST_TEXTS = 20_000_000
"""In bytes, of all that a file says of itself; as a rule it has a thousand."""
MOST_ELEMENTS_A_BYTE = 4
"""Of a tensor: the smallest types have two bits."""

_Handlers = dict[int, Callable[[memoryview], None] | str]
"""Field number -> what looks into it, or why it is refused."""


class Unfit(ValueError):
    """The file is damaged, or holds what no network of paribus does; the message says what."""


@dataclass(slots=True)
class Seen:
    """What was found.

    Attributes:
        properties: what the file says of itself.
        rest_sha256: of all else, in the order of the file.
        fields: how many have been looked at.
    """

    properties: dict[str, str] = field(default_factory=dict)
    rest_sha256: str = ""
    fields: int = 0


def look_through(content: bytes) -> Seen:
    """What an ONNX file says of itself. Takes no memory to speak of.

    Raises:
        Unfit: it is damaged, or holds weights in other files, weights that are not there, graphs within graphs or
            operators that are not ONNX's own.
    """
    seen, data, rest, said = Seen(), memoryview(content), hashlib.sha256(), 0
    graphs = 0
    for number, value, raw in _fields(data, seen):
        if number == 14:
            said += len(raw)
            if said > LONGEST_TEXTS:
                raise Unfit(f"it says more than {LONGEST_TEXTS} bytes of itself")
            name, text = _property(_bytes(value), seen)
            if name in seen.properties:
                raise Unfit(f"it says twice what `{name}` is")
            seen.properties[name] = text
            continue
        rest.update(raw)
        if number == 7:
            graphs += 1
            _look(_bytes(value), _graph(seen), seen)
        elif number in (20, 25):
            raise Unfit("it brings training steps or functions of its own")
    if graphs != 1:
        raise Unfit(f"it must hold one graph, and holds {graphs}")
    seen.rest_sha256 = rest.hexdigest()
    return seen


def _graph(seen: Seen) -> _Handlers:
    def tensor(data: memoryview) -> None:
        _tensor(data, seen)

    attribute: _Handlers = {
        5: tensor,
        10: tensor,
        **dict.fromkeys((6, 11), "a step of it is a graph itself, as in a loop"),
        **dict.fromkeys((22, 23), "it holds sparse tensors"),
    }
    node: _Handlers = {5: lambda data: _look(data, attribute, seen), 7: _domain}
    return {1: lambda data: _look(data, node, seen), 5: tensor, 15: "it holds sparse tensors"}


def _look(data: memoryview, handlers: _Handlers, seen: Seen) -> None:
    for number, value, _ in _fields(data, seen):
        handler = handlers.get(number)
        if isinstance(handler, str):
            raise Unfit(handler)
        if handler is not None:
            handler(_bytes(value))


def _domain(name: memoryview) -> None:
    if bytes(name) not in (b"", b"ai.onnx"):
        raise Unfit("it holds operators that are not ONNX's own")


def _tensor(data: memoryview, seen: Seen) -> None:
    sizes: list[int] = []
    for number, value, _ in _fields(data, seen):
        if number == 1:
            sizes += [value] if isinstance(value, int) else _varints(value)
            if len(sizes) > 64:
                raise Unfit("a tensor has more than 64 axes")
        elif number == 13 or (number == 14 and value != 0):
            raise Unfit("it keeps weights in another file, which is not followed")
    if math.prod(sizes) > MOST_ELEMENTS_A_BYTE * len(data):
        raise Unfit(f"a tensor of {len(data)} bytes claims to be of shape {tuple(sizes)}")


def _property(data: memoryview, seen: Seen) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    for number, value, _ in _fields(data, seen):
        try:
            texts[number] = str(_bytes(value), "utf-8")
        except UnicodeDecodeError:
            raise Unfit("what it says of itself is no text") from None
    return texts[1], texts[2]


# ---------------------------------------------------------------- the encoding


def _fields(data: memoryview, seen: Seen) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """(number, value, the field as it stands) of each field of a message."""
    at = 0
    while at < len(data):
        seen.fields += 1
        if seen.fields > MOST_FIELDS:
            raise Unfit(f"it is made of more than {MOST_FIELDS} pieces")
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        value: int | memoryview
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 2, 5):
            size, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
            value, at = data[at : at + size], at + size
        else:
            raise Unfit("it is not an ONNX file, or is damaged")
        if not 0 < number < 2**29 or at > len(data):
            raise Unfit("it is not an ONNX file, or is cut off or damaged")
        yield number, value, data[start:at]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        value, at = value | (byte & 0x7F) << shift, at + 1
        if byte < 0x80:
            return value, at
    raise Unfit("it is not an ONNX file, or is cut off or damaged")


def _varints(data: memoryview) -> list[int]:
    """Whole numbers one after the other; a few more than 64 are too many anyhow."""
    found: list[int] = []
    at = 0
    while at < len(data) and len(found) <= 64:
        value, at = _varint(data, at)
        found.append(value)
    return found


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Unfit("it is not an ONNX file, or is damaged")
    return value
