"""Drawings of networks: every layer stands somewhere, nothing covers anything, skips are arcs."""

import itertools
import re
from xml.etree import ElementTree

import pytest

from paribus.models.build import build
from paribus.models.catalogue import USUAL_INPUT
from paribus.models.summary import summarise
from paribus.record import DataAudit, DataSummary, Finding, LayerRow
from paribus.report.audit import data_groups
from paribus.report.network import arcs, blocks, family, layout, network_svg
from paribus.spec import Baseline
from paribus.validate import validate


def rows_of(name: str) -> tuple[LayerRow, ...]:
    shape, classes = USUAL_INPUT[name]
    spec = validate(Baseline, {"data": {"source": "digits"}, "model": {"name": name}}).model
    return summarise(build(spec, shape, classes), shape)


@pytest.mark.parametrize("name", USUAL_INPUT)
def test_every_layer_is_drawn_once_and_nothing_overlaps(name: str) -> None:
    rows = rows_of(name)
    root = ElementTree.fromstring(network_svg(rows, name))
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    for row in rows:
        assert sum(text.startswith(f"{row.name} · ") for text in texts) == 1
    frames = [
        tuple(float(e.attrib[key]) for key in ("x", "y", "width", "height"))
        for e in root.iter()
        if e.tag.endswith("rect") and e.attrib.get("class") == "block"
    ]
    assert len(frames) == len(blocks(rows))
    for (x, y, w, h), (u, v, s, t) in itertools.combinations(frames, 2):
        assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    _, _, width, height = (float(value) for value in root.attrib["viewBox"].split())
    assert width <= 1150, "three columns at most"
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in frames)


def test_skip_connections_are_arcs() -> None:
    """Of 8 blocks, 5 add their input as it is (one arc) and 3 through a shortcut (one to it, one past it)."""
    rows = rows_of("resnet18")
    assert len(arcs(rows)) == 5 * 1 + 3 * 2
    assert len(re.findall('class="arc"', network_svg(rows, "resnet18"))) == 11
    assert arcs(rows_of("simple_cnn")) == []


def test_layers_of_a_block_stand_together() -> None:
    rows = rows_of("simple_cnn")
    found = [[rows[i].name for i in range(first, last + 1)] for first, last in blocks(rows)]
    assert found[0] == ["conv1", "norm1", "activation1", "pool1"]
    assert found[2] == ["conv3", "norm3", "activation3", "pool3", "dropout"]
    assert found[3:] == [["flatten"], ["classify"]]


def test_any_graph_is_drawn() -> None:
    """Of records of earlier versions, and of networks that cannot be traced, only the order is known."""
    rows = tuple(LayerRow(f"layer <{i}>", "Odd", (3,), 0) for i in range(80))
    root = ElementTree.fromstring(network_svg(rows, "odd & many"))
    assert sum(e.attrib.get("class") == "flow" for e in root.iter()) == 79
    assert {box.column for box in layout(rows)} <= {0, 1, 2, 3}
    assert network_svg((), "nothing")


def test_families() -> None:
    known = {"Conv2d": "convolution", "BatchNorm1d": "normalisation", "LeakyReLU": "activation", "Add": "other"}
    assert {type_: family(type_)[0] for type_ in known} == known


# ---------------------------------------------------------------- the audit


def summary(train: tuple[int, int], dropped: dict[str, int], *findings: Finding) -> DataSummary:
    return DataSummary(
        description="faces",
        kind="image",
        input_shape=(1, 4, 4),
        class_names=("sad", "glad"),
        counts={"train": train, "validation": (1, 1), "test": (2, 2)},
        sfreq_hz=None,
        notes=(),
        dropped=dropped,
        audit=DataAudit({"train": (10, 30), "test": (10, 10)}, {"4 x 4 grey": 60}, findings),
    )


LEAK = Finding("cross_split_duplicates", 3, "3 test examples also stand in training", ("a = b",))


def test_seeds_share_a_group_and_counts_that_differ_are_ranges() -> None:
    (group,) = data_groups([summary((8, 20), {"limit": 4}), summary((8, 22), {"limit": 2})])
    assert group.table.rows[1][1] == "20–22"
    assert group.table.rows[0][2] == "28.6%", "of training alone, 8 of 28"
    assert group.table.rows[1][6] == "50.0%", "of test alone"
    assert group.dropped == ("2–4 by data.limit",)
    assert group.formats == ("4 x 4 grey: 60",)
    bars = [float(w) for w in re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"', group.picture.svg)]
    assert bars[0] / bars[1] == pytest.approx(20 / 40, abs=0.01), "shares of all parts, before any drop"
    assert "33.3%" in group.picture.svg


def test_a_leak_is_told_until_it_is_dropped() -> None:
    (leaking,) = data_groups([summary((8, 20), {}, LEAK)])
    assert leaking.leak.startswith("Test accuracy is flattered by copies. 3 test examples also stand in training.")
    (mended,) = data_groups([summary((8, 20), {"cross_split_duplicates": 3}, LEAK)])
    assert mended.leak == ""
    assert mended.dropped == ("3 with exact copies in validation or test",)
    (clean,) = data_groups([summary((8, 20), {})])
    assert clean.leak == ""
