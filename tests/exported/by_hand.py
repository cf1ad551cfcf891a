"""Small ONNX files made step by step with the package onnx, as paribus would sign them."""

import hashlib
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from paribus.exported.about import About

ABOUT = About("0.1.0", "t", "eeg", (1, 2, 3), ("left", "right"), False, None)
WEIGHTS = np.arange(12, dtype=np.float32).reshape(6, 2) / 10


def linear(*extra: onnx.NodeProto, weights: Any = None, opset: int = 20) -> onnx.ModelProto:
    """logits = x as (N, 6) @ `WEIGHTS`; steps given go before and can replace the input of the product, `flat`."""
    nodes = [
        *(extra or [helper.make_node("Flatten", ["x"], ["flat"])]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    weights = numpy_helper.from_array(WEIGHTS, "w") if weights is None else weights
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 2, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("logits", "probabilities")],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def signed(content: bytes, about: About = ABOUT, **changed: str) -> bytes:
    """A file with what paribus says of its own, digest and all, and texts changed after signing."""
    properties = about.to_properties(hashlib.sha256(content).hexdigest())
    properties |= {f"paribus.{name}": text for name, text in changed.items()}
    entries = [onnx.StringStringEntryProto(key=name, value=text) for name, text in properties.items()]
    return content + onnx.ModelProto(metadata_props=entries).SerializeToString()
