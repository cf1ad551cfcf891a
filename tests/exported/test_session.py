"""Exported files of strangers: what is read, what is refused, and that nothing is believed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from exported.by_hand import ABOUT, WEIGHTS, linear, signed
from paribus.errors import CheckpointError, ParibusError
from paribus.exported import session
from paribus.exported.about import _digest
from paribus.exported.session import open_bytes, open_file
from paribus.record import Rule

X = np.random.default_rng(0).normal(size=(300, 1, 2, 3)).astype(np.float32)


def test_a_file_made_by_hand() -> None:
    opened = open_bytes(signed(linear().SerializeToString()), "m.onnx")
    assert opened.about == ABOUT
    assert opened.dtype is np.float32
    assert np.allclose(opened.logits(X), X.reshape(300, 6) @ WEIGHTS, atol=1e-6)
    assert np.allclose(opened.run(X[:2])[1].sum(axis=1), 1)


def test_a_rule_comes_back_bit_for_bit() -> None:
    rule = Rule("least cost", np.array([0.1, 1 / 3]), np.array([0.2, np.pi]), np.array([[0, 1e-300], [7.1, 0]]), "x")
    found = open_bytes(signed(linear().SerializeToString(), replace(ABOUT, rule=rule)), "m.onnx").about.rule
    assert found is not None
    assert (found.name, found.chosen) == ("least cost", "x")
    for name in ("offsets", "floors", "costs"):
        assert np.array_equal(getattr(found, name), getattr(rule, name))


def test_a_file_of_somebody_else() -> None:
    with pytest.raises(CheckpointError, match=r"m\.onnx was not exported by paribus.*`paribus export CHECKPOINT"):
        open_bytes(linear().SerializeToString(), "m.onnx")


def test_every_byte_counts() -> None:
    """No single changed byte is read as something else."""
    whole = signed(linear().SerializeToString())
    for at in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x11
        with pytest.raises(CheckpointError):
            open_bytes(bytes(spoilt), "m.onnx")
    for end in range(0, len(whole), 7):
        with pytest.raises(CheckpointError):
            open_bytes(whole[:end], "m.onnx")


def test_other_texts_with_another_digest_than_theirs() -> None:
    content = linear().SerializeToString()
    with pytest.raises(CheckpointError, match="has changed since it was exported"):
        open_bytes(signed(content, class_names='["right", "left"]'), "m.onnx")
    with pytest.raises(CheckpointError, match=r"newer paribus .*upgrade"):
        open_bytes(signed(content, format="2"), "m.onnx")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("class_names", '["a"]'),
        ("class_names", '["a", "a"]'),
        ("class_names", '"ab"'),
        ("class_names", "[" * 100_000),
        ("input_shape", "[1, 2]"),
        ("input_shape", "[1, 2, -3]"),
        ("input_shape", "[1, 2, 1e400]"),
        ("kind", "sound"),
        ("resize", "1"),
        ("rule", "7"),
        ("rule", '{"name": "x", "offsets": [1], "floors": null, "costs": null, "chosen": ""}'),
        ("rule", '{"name": "x", "offsets": null, "floors": null, "costs": null, "chosen": ""}'),
        ("format", "one"),
    ],
)
def test_signed_lies(name: str, text: str) -> None:
    """Whoever writes a file can sign what they like."""
    content = linear().SerializeToString()
    rest = hashlib.sha256(content).hexdigest()
    properties = {**ABOUT.to_properties(rest), f"paribus.{name}": text}
    del properties["paribus.sha256"]
    with pytest.raises(CheckpointError, match="does not say what paribus must know"):
        open_bytes(signed(content, **{name: text}, sha256=_digest(properties, rest)), "m.onnx")


def elsewhere() -> onnx.TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[6, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="secret")
    return tensor


def too_large() -> onnx.TensorProto:
    return TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40, 2**20], raw_data=b"\0" * 48)


def loop() -> onnx.NodeProto:
    body = helper.make_graph([], "body", [], [])
    return helper.make_node("Loop", ["", "", "x"], ["flat"], body=body)


def own_operator() -> onnx.NodeProto:
    return helper.make_node("Shell", ["x"], ["flat"], domain="evil")


def constant() -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["flat"], value=elsewhere())


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: linear(weights=elsewhere()), "keeps weights in another file, which is not followed"),
        (lambda: linear(constant()), "keeps weights in another file, which is not followed"),
        (lambda: linear(weights=too_large()), "claims to be of shape"),
        (lambda: linear(loop()), "is a graph itself"),
        (lambda: linear(own_operator()), "operators that are not ONNX's own"),
        (lambda: onnx.ModelProto(ir_version=10), "must hold one graph, and holds 0"),
    ],
)
def test_what_no_export_holds(
    model: Callable[[], onnx.ModelProto], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before onnxruntime sees it."""
    monkeypatch.setattr(session, "_session", lambda content: pytest.fail("onnxruntime saw it"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(WEIGHTS.tobytes())
    with pytest.raises(CheckpointError, match=says):
        open_bytes(signed(model().SerializeToString()), "m.onnx")


def test_functions_and_two_graphs() -> None:
    model = linear()
    model.functions.add(name="f", domain="")
    with pytest.raises(CheckpointError, match="functions of its own"):
        open_bytes(signed(model.SerializeToString()), "m.onnx")
    with pytest.raises(CheckpointError, match="must hold one graph, and holds 2"):
        open_bytes(signed(2 * linear().SerializeToString()), "m.onnx")


def test_steps_that_would_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve bytes that ask for 40 GB: onnxruntime is given half of what is free."""
    monkeypatch.setattr(session, "available_memory", lambda: 400_000_000)
    shape = onnx.numpy_helper.from_array(np.array([10**10, 1, 1, 1], np.int64), "shape")
    grow = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Expand", ["x", "shape"], ["many"]),
        helper.make_node("ReduceSum", ["many"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["more"]),
        helper.make_node("Flatten", ["more"], ["flat"]),
    ]
    opened = open_bytes(signed(linear(*grow).SerializeToString()), "m.onnx")
    with pytest.raises(CheckpointError, match=r"m\.onnx failed on 1 examples: Fail"):
        opened.run(X[:1])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"input_shape": (1, 3, 3)}, "failed on 5 examples"),
        ({"class_names": ("a", "b", "c")}, r"must give float32 of shape \(5, 3\)"),
    ],
)
def test_a_graph_that_does_something_else_than_the_file_says(changed: dict, says: str) -> None:
    about = replace(ABOUT, **changed)
    opened = open_bytes(signed(linear().SerializeToString(), about), "m.onnx")
    with pytest.raises(CheckpointError, match=says):
        opened.run(np.zeros((5, *about.input_shape), np.float32))


def test_a_graph_with_other_names() -> None:
    model = linear()
    model.graph.output[1].name = "logits"
    with pytest.raises(CheckpointError, match=r"m\.onnx"):
        open_bytes(signed(model.SerializeToString()), "m.onnx")
    with pytest.raises(CheckpointError, match="cannot be used"):
        open_bytes(signed(linear(opset=999).SerializeToString()), "m.onnx")


def test_nothing_of_a_file_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[31mred"
    with pytest.raises(CheckpointError):
        open_bytes(signed(linear(helper.make_node(name, ["x"], ["flat"], name=name)).SerializeToString()), "m.onnx")
    assert capfd.readouterr() == ("", "")


def test_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(bytes(100))
    monkeypatch.setattr(session, "available_memory", lambda: 299)
    with pytest.raises(CheckpointError, match="does not fit into this machine's free memory"):
        open_file(path)
    with pytest.raises(CheckpointError, match=r"cannot read .*none\.onnx"):
        open_file(tmp_path / "none.onnx")


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "find_spec", lambda name: None)
    with pytest.raises(ParibusError, match=r"onnxruntime: pip install 'paribus\[export\]'"):
        open_file(tmp_path / "m.onnx")


def test_what_it_says_can_be_read_by_others() -> None:
    said = {
        entry.key: entry.value for entry in onnx.load_from_string(signed(linear().SerializeToString())).metadata_props
    }
    assert json.loads(said["paribus.class_names"]) == ["left", "right"]
    assert json.loads(said["paribus.input_shape"]) == [1, 2, 3]
    assert said["paribus.version"] == "0.1.0"
