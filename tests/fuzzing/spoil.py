"""Ways to spoil bytes, text and trees of values."""

import copy
import random
from typing import Any

NUMBERS = (
    *("0", "-1", "1", "255", "256", "65536", "2147483648", "4294967296", "9223372036854775808", "1" + "0" * 30),
    *("1e308", "1e999", "-1e999", "nan", "inf", "-inf", "NaN", "Infinity", "0x10", "1_000", "1e-400", "9" * 4400, ""),
)
TEXTS = (
    *("", " ", "\x00", "\x1b[31m", "\u202e", "\ud800", "\ufeff", "'; DROP TABLE trial; --", "<script>", "../../etc"),
    *(
        "/etc/passwd",
        "[bold]",
        ":",
        ",",
        "\n",
        "\r",
        "?",
        "@data",
        "@classLabel true",
        "true",
        "null",
        "x" * 5000,
        "\u0663",
    ),
)
INTEGERS = (0, -1, 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30)
VALUES = (
    *(None, True, False, 0, -1, 1, 2**63, 10**30, 1.5, 1e308, float("nan"), float("inf"), "", "x", "a" * 3000),
    *([], {}, [None], [[]], {"a": None}, [0] * 300, "\x1b[2J", "\ud800", "1", "os:system", "torch.hub:load"),
)


def spoilt_bytes(content: bytes, r: random.Random) -> bytes:
    """A few bytes changed, added, left out, moved, or made to say another size."""
    result = bytearray(content)
    for _ in range(r.choice((1, 1, 1, 2, 3, 8))):
        at = r.randrange(len(result) + 1)
        # Headers and footers say most.
        at = r.choice((at, min(at, 64), max(len(result) - 1 - at % 96, 0)))
        match r.randrange(7):
            case 0:
                result[at : at + 1] = bytes([r.randrange(256)])
            case 1:
                result[at : at + r.randrange(1, 9)] = b""
            case 2:
                result[at:at] = r.randbytes(r.randrange(1, 9))
            case 3:
                size = r.choice((1, 2, 4, 8))
                result[at : at + size] = (r.choice(INTEGERS) % 256**size).to_bytes(size, r.choice(("little", "big")))
            case 4:
                del result[at:]
            case 5:
                start = r.randrange(len(result) + 1)
                result[at:at] = result[start : start + r.randrange(1, 64)]
            case 6 if at < len(result):
                result[at] ^= 1 << r.randrange(8)
    return bytes(result)


def spoilt_text(text: str, r: random.Random, marks: str = ",: \n") -> bytes:
    """Words and numbers replaced, lines moved; or the bytes of it spoilt."""
    if r.random() < 0.3:
        return spoilt_bytes(text.encode(), r)
    for _ in range(r.choice((1, 1, 2, 4))):
        match r.randrange(4):
            case 0 | 1:
                mark = r.choice(marks)
                words = text.split(mark)
                words[r.randrange(len(words))] = r.choice(r.choice((NUMBERS, TEXTS)))
                text = mark.join(words)
            case 2:
                lines = text.split("\n")
                line = lines.pop(r.randrange(len(lines)))
                for _ in range(r.randrange(3)):
                    lines.insert(r.randrange(len(lines) + 1), line)
                text = "\n".join(lines)
            case 3:
                at = r.randrange(len(text) + 1)
                text = text[:at] + r.choice(TEXTS) + text[at + r.randrange(3) :]
    return text.encode("utf-8", r.choice(("surrogatepass", "replace")))


def spoilt_tree(tree: Any, r: random.Random) -> Any:
    """Some values replaced, keys left out, added or renamed; the tree itself is changed."""
    for _ in range(r.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            return copy.deepcopy(r.choice(VALUES))
        holder, key = r.choice(places)
        match r.randrange(5):
            case 0 if isinstance(holder, dict):
                holder[r.choice(TEXTS)] = holder.pop(key)
            case 1:
                del holder[key]
            case 2 if isinstance(holder[key], int | float):
                holder[key] = r.choice(
                    (*INTEGERS, -holder[key], holder[key] * 10**6, float(holder[key]), str(holder[key]))
                )
            case 3:
                other, its = r.choice(places)
                holder[key] = copy.deepcopy(other[its])
            case _:
                holder[key] = copy.deepcopy(r.choice(VALUES))
    return tree


def _places(tree: Any) -> Any:
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in list(keys):
        yield tree, key
        yield from _places(tree[key])
