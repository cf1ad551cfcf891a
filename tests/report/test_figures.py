"""Figures: sound SVG that holds what the analysis found."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from paribus.analysis.intervals import Interval
from paribus.analysis.study import analyse
from paribus.report.differences import Row, differences_picture, draw_differences
from paribus.report.figures import answer_picture, confusion_picture, curve_pictures, slug, styles
from paribus.report.svg import Scale, band, element, line, number, shortened, tick_labels, ticks, width_of, wrapped

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def result(fake):
    study = fake.study()
    planned = fake.plan(study)
    return analyse(study, planned, fake.fake_records(planned, {"leaky_relu": 0.03}), [])


def texts(picture):
    return [text.text for text in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")]


def test_one_picture_for_each_combination_of_the_others(result):
    pictures = curve_pictures(result)
    assert {factor: [p.title for p in found] for factor, found in pictures.items()} == {
        "model": [f"Learning curves by model, {a}" for a in ("elu", "relu", "leaky_relu")],
        "activation": [f"Learning curves by activation, {m}" for m in ("eegnet", "deepconvnet")],
    }
    names = [p.name for found in pictures.values() for p in found]
    assert len(set(names)) == 5


def test_curves_have_a_line_a_level_in_each_panel(result):
    picture = curve_pictures(result)["activation"][0]
    root = ElementTree.fromstring(picture.svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == picture.title
    assert root.find(f"{SVG}title").text == picture.title
    for style in styles(result.factors["activation"]).values():
        curves = [
            p for p in root.iter(f"{SVG}path") if p.get("stroke") == style.colour and p.get("stroke-width") == "1.4"
        ]
        bands = [p for p in root.iter(f"{SVG}path") if p.get("fill") == style.colour]
        dots = [c for c in root.iter(f"{SVG}circle") if c.get("fill") == style.colour]
        assert (len(curves), len(bands), len(dots)) == (6, 6, 6)
        assert all(len(re.findall(r"[-\d.]+ [-\d.]+", curve.get("d"))) == 40 for curve in curves)
    assert {"train", "validation", "test", "epoch", "loss", "accuracy (%)", "elu", "relu", "leaky_relu"} <= set(
        texts(picture)
    )


def test_pictures_take_the_colour_of_their_page(result):
    allowed = {style.colour for style in styles([str(i) for i in range(7)]).values()} | {"currentColor", "none"}
    pictures = [answer_picture(result), confusion_picture(result.cells[0], "c"), *curve_pictures(result)["model"]]
    for picture in pictures:
        for node in ElementTree.fromstring(picture.svg).iter():
            assert {node.get("fill", "none"), node.get("stroke", "none")} <= allowed
            assert node.get("id") is None  # nothing that could clash in one page
            assert not any(key.endswith("href") for key in node.attrib)


def test_confusion_shows_counts_and_shares(result):
    cell = result.cells[0]
    found = texts(confusion_picture(cell, "c"))
    counts = cell.scores.confusion
    for row in counts:
        for n in row:
            assert str(n) in found
            assert f"{100 * n / row.sum():.0f}%" in found
    assert found.count("left hand") == 2


def test_answer_has_a_row_a_cell(result):
    picture = answer_picture(result)
    found = texts(picture)
    for cell in result.cells:
        assert cell.label in found
        assert f"{100 * cell.scores.accuracy.mean:.1f}%" in found
    circles = list(ElementTree.fromstring(picture.svg).iter(f"{SVG}circle"))
    assert len(circles) == 6 * (3 + 1) + 2  # seeds and mean of each cell, and the legend
    assert "reported by others" in found


def test_cells_without_results_are_not_drawn(fake):
    study = fake.study()
    nothing = analyse(study, fake.plan(study), [], [])
    assert answer_picture(nothing) is None
    assert confusion_picture(nothing.cells[0], "c") is None
    assert curve_pictures(nothing) == {"model": (), "activation": ()}


def test_many_awkward_names(fake):
    study = fake.study(factors={}, seeds=1)
    planned = fake.plan(study)
    names = tuple(f"a very long class name & <number> {i}" for i in range(12))
    result = analyse(study, planned, [fake.fake_record(planned[0], class_names=names, n_test=24)], [])
    found = texts(confusion_picture(result.cells[0], "c"))
    assert len([text for text in found if text.startswith("a very long class")]) == 24


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.03, 0.71, [0.2, 0.4, 0.6]),
        (1, 40, [10, 20, 30, 40]),
        (48, 100.5, [50, 60, 70, 80, 90, 100]),
        (-0.4, 0.4, [-0.4, -0.2, 0, 0.2, 0.4]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(Scale(low, high, 0, 100), 6) == pytest.approx(expected)


def test_epoch_ticks_are_whole():
    assert ticks(Scale(1, 3, 0, 100), 6, whole=True) == [1, 2, 3]


def test_log_scale():
    scale = Scale(0.1, 1000, 0, 100, log=True)
    assert scale([0.1, 10, 1000]).tolist() == pytest.approx([0, 50, 100])
    found = ticks(scale, 6)
    assert len(found) <= 6
    assert all(0.1 <= value <= 1000 for value in found)


def test_tick_labels_share_their_decimals():
    assert tick_labels([0.5, 1.0, 1.5]) == ["0.5", "1.0", "1.5"]
    assert tick_labels([-10.0, 0.0]) == ["−10", "0"]
    assert tick_labels([0.01, 1.0, 100.0]) == ["0.01", "1", "100"]
    assert tick_labels([]) == []


def test_lines_and_bands_break_at_gaps():
    x, y = np.arange(5.0), np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    assert line(x, y) == "M0.0 1.0 1.0 2.0 M3.0 4.0 4.0 5.0"
    assert band(x, y, y + 1) == "M0.0 1.0 1.0 2.0 1.0 3.0 0.0 2.0zM3.0 4.0 4.0 5.0 4.0 6.0 3.0 5.0z"


def test_element_escapes():
    assert element("text", "<a> & b", x=1.25, fill='"q"') == (
        '<text x="1.25" fill="&quot;q&quot;">&lt;a&gt; &amp; b</text>'
    )
    assert [number(v) for v in (0.0, -0.001, 100.0, 12.34, 0.12, -3.5)] == ["0", "0", "100", "12.3", "0.12", "-3.5"]


def test_slug():
    assert slug("confusion", "1", 'lr 0.1 · <b>"x"') == "confusion-1-lr-0-1-b-x"
    assert slug("…") == "figure"


def test_differences_have_a_row_each_and_one_for_each_context(fake):
    study = fake.study()
    planned = fake.plan(study)
    result = analyse(study, planned, fake.fake_records(planned, {"elu": 0.05}), [])
    picture = differences_picture(result)
    n_rows = sum(1 + len(one.by_context) for one in result.comparisons)
    assert picture.svg.count("<circle") == n_rows
    assert f"{result.comparisons[0].level} − {result.comparisons[0].against}" in picture.svg
    nothing = analyse(study, planned, [], [])
    assert differences_picture(nothing) is None


@pytest.mark.parametrize("word", ["an activation ", "unbroken-", "很長的名稱"])
def test_long_labels_leave_half_of_the_width_to_the_differences(word):
    rows = [Row(word * n, Interval(mean, mean - 0.05, mean + 0.05, 3, "t")) for n, mean in ((20, 0.1), (1, -0.2))]
    drawn = ElementTree.fromstring(draw_differences("d", "title", "axis", rows).svg)
    first, second = (float(one.attrib["cx"]) for one in drawn.findall(".//{*}circle"))
    assert second < first, "what is greater lies to the right"
    assert second > 360
    ends = [re.fullmatch(r"M([\d.]+) [\d.]+H([\d.]+)", one.attrib["d"]) for one in drawn.findall(".//{*}path")]
    assert all(float(end[1]) < float(end[2]) for end in ends if end)
    labels = [one for one in drawn.findall(".//{*}text") if one.text[:2] == word[:2]]
    assert all(width_of(one.text) < 720 / 2 for one in labels)
    *_, long, short = sorted({float(one.attrib["y"]) for one in labels})
    assert short - long >= 12, "lines do not lie on each other"


def test_cells_of_long_names_can_be_told_apart_in_the_answer(fake):
    long = "a level whose name goes on for a good while, so that its factor's neighbour would be cut"
    study = fake.study(factors={
        "first": {"levels": {long: {"train.optimizer.lr": 0.1}}},
        "second": {"path": "model.activation", "levels": ["relu", "elu"]},
    })  # fmt: skip
    planned = fake.plan(study)
    drawn = ElementTree.fromstring(answer_picture(analyse(study, planned, fake.fake_records(planned, {}), [])).svg)
    labels = [one for one in drawn.findall(".//{*}text") if one.attrib.get("text-anchor") == "end"]
    assert [one.text[-4:].strip() for one in labels if one.text.endswith("elu")] == ["relu", "elu"]
    assert min(np.diff([float(one.attrib["y"]) for one in labels if one.text[0] not in "0123456789"])) >= 12


def test_long_texts_are_wrapped_or_shortened():
    assert wrapped("one two three four", 9, 3) == ["one two", "three", "four"]
    assert wrapped("one two three four", 9, 2) == ["one two", "three four"]
    assert wrapped("unbroken-name", 9, 2) == ["unbroken-", "name"]
    assert wrapped("short", 9, 3) == ["short"]
    assert shortened(1, 2, "short", 9) == '<text x="1" y="2">short</text>'
    assert shortened(1, 2, "no & longer", 5) == '<text x="1" y="2">no &amp;…<title>no &amp; longer</title></text>'
