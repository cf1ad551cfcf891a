"""Every message of code, templates and scripts: what a catalogue must hold, neither more nor less."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes

import paribus
from paribus.report.html import environment

SOURCE = Path(paribus.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def messages() -> dict[str, str]:
    """Message -> a file that says it."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        found |= dict.fromkeys(_of_python(ast.parse(path.read_text("utf-8"))), path.name)
    for path in sorted(SOURCE.rglob("templates/*.html")):
        found |= dict.fromkeys(_of_template(path.read_text("utf-8")), path.name)
    for path in sorted(SOURCE.rglob("static/*.js")):
        found |= dict.fromkeys(re.findall(r'\btr\("([^"]+)"', path.read_text("utf-8")), path.name)
    return found


def _of_python(tree: ast.AST) -> Iterator[str]:
    """What stands in ``tr``, ``msg`` and, with the number before it, in ``count``; also by a condition."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name = node.func.id
        if name in ("tr", "msg"):
            yield from _texts(node.args[0])
        elif name == "known":
            yield from _texts(node.args[1])
        elif name == "count" and len(node.args) > 1:
            yield from ("{n} " + text for text in _texts(node.args[1]))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant):
        assert isinstance(node.value, str)
        yield node.value
    else:
        assert not isinstance(node, ast.JoinedStr | ast.BinOp), f"a message is put together: {ast.unparse(node)}"


def _of_template(source: str) -> Iterator[str]:
    for call in environment().parse(source).find_all(nodes.Call):
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        if name == "tr":
            yield from _constants(call.args[0])
        elif name == "count":
            yield from ("{n} " + text for text in _constants(call.args[1]))


def _constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        yield from _constants(node.expr2)
    elif isinstance(node, nodes.Const):
        yield node.value
    else:
        assert isinstance(node, nodes.Name | nodes.Getattr), f"a message is put together: {node}"
