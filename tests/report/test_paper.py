"""Figures for papers: matplotlib draws what the SVG says."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from paribus.errors import RunError
from paribus.report.page import Report, build
from paribus.report.paper import INK, figure, image
from paribus.report.svg import Attribute, element, picture, words


def pixels(*body: str) -> npt.NDArray[np.uint8]:
    """(height, width, 3) of a drawing of 60 x 40 points at 300 dots an inch: 250 x 166 pixels."""
    found = Image.open(io.BytesIO(image(picture("name", "title", 60, 40, body))))
    assert round(found.info["dpi"][0]) == 300
    return np.asarray(found.convert("RGB"))


def at(drawn: npt.NDArray[np.uint8], x: float, y: float) -> tuple[int, ...]:
    """Colour at a place in points."""
    return tuple(drawn[round(y / 72 * 300), round(x / 72 * 300)].tolist())


RED, WHITE = (255, 0, 0), (255, 255, 255)


@pytest.mark.parametrize(
    ("tag", "attributes", "inside", "outside"),
    [
        ("rect", {"x": 10, "y": 5, "width": 20, "height": 10}, [(11, 6), (29, 14)], [(31, 10), (20, 16), (9, 10)]),
        ("circle", {"cx": 30, "cy": 20, "r": 8}, [(30, 20), (37, 20), (30, 13)], [(37, 13), (39, 20)]),
        ("path", {"d": "M10 10h20v10H10z"}, [(11, 11), (29, 19)], [(31, 15), (20, 21)]),
        ("path", {"d": "M10 10 30 10 30 20 10 20z"}, [(11, 11), (29, 19)], [(31, 15), (20, 21)]),
        ("path", {"d": "M10 10V20L30 20v-10z"}, [(11, 11), (29, 19)], [(31, 15), (20, 21)]),
        ("path", {"d": "M5 5h5v5h-5zM40 30h10v5h-10z"}, [(7, 7), (45, 32)], [(25, 20), (12, 7)]),
        ("path", {"d": "m10 10l20 0 0 10 -20 0z"}, [(11, 11), (29, 19)], [(31, 15)]),
        # a half of the control point's height, by the Bernstein polynomials at 1/2
        ("path", {"d": "M10 30Q30 10 50 30z"}, [(30, 21)], [(30, 19), (12, 24)]),
        ("path", {"d": "M10 30C10 10 50 10 50 30z"}, [(30, 16), (12, 26)], [(30, 14)]),
    ],
)
def test_shapes_stand_where_they_should(
    tag: str,
    attributes: dict[str, Attribute],
    inside: list[tuple[float, float]],
    outside: list[tuple[float, float]],
) -> None:
    drawn = pixels(element(tag, fill="#ff0000", **attributes))
    assert {at(drawn, *place) for place in inside} == {RED}
    assert {at(drawn, *place) for place in outside} == {WHITE}


def test_lines_opacity_and_order() -> None:
    line = element("path", d="M5 20H55", stroke="#0000ff", stroke_width=4, fill="none")
    half = element("rect", x=20, y=0, width=20, height=40, fill="#ff0000", fill_opacity=0.5)
    drawn = pixels(line, half)
    assert at(drawn, 10, 20) == (0, 0, 255)
    assert at(drawn, 10, 23) == WHITE, "2 points each side"
    assert at(drawn, 30, 5) == (255, 127, 127)
    assert at(drawn, 30, 20) == (127, 0, 127), "what comes later lies above"
    dashed = pixels(
        element("path", d="M5 20H55", stroke="#0000ff", stroke_width=4, stroke_dasharray="10 10", fill="none")
    )
    assert [at(dashed, x, 20) == WHITE for x in (10, 20, 30, 40, 50)] == [False, True, False, True, False]
    assert at(pixels(element("rect", x=0, y=0, width=60, height=40)), 30, 20) == (26, 26, 26), INK


def dark(drawn: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of what is not white, in points."""
    y, x = np.nonzero(drawn.min(axis=2) < 128)
    return tuple(72 / 300 * float(v) for v in (x.min(), x.max(), y.min(), y.max()))  # type: ignore[return-value]


def test_text() -> None:
    left, right, top, bottom = dark(pixels(words(30, 20, "HHH")))
    assert left == pytest.approx(30.9, abs=1)
    assert bottom == pytest.approx(20, abs=0.5), "stands on its line"
    assert bottom - top == pytest.approx(7.3, abs=0.5), "capitals of DejaVu are 0.73 of the size"
    assert dark(pixels(words(30, 20, "HHH", text_anchor="middle")))[0] == pytest.approx(30 - (right - left) / 2, abs=1)
    assert dark(pixels(words(55, 20, "HHH", text_anchor="end")))[1] == pytest.approx(54, abs=1)
    smaller = pixels(element("g", "", words(30, 20, "HHH", font_size="80%"), font_size=5.0))
    assert dark(smaller)[3] - dark(smaller)[2] == pytest.approx(0.4 * 7.3, abs=0.5), "of what is around it"
    turned = dark(pixels(words(20, 30, "HHH", transform="rotate(-90 20 30)")))
    assert turned[1] == pytest.approx(20, abs=0.5)
    assert turned[3] < 30, "upwards"
    assert dark(pixels(words(5, 20, "$x_1$ \\frac"))) != dark(pixels(words(5, 20, "x"))), "names are no formulas"
    assert figure(picture("n", "t", 60, 40, [words(1, 9, "a\x1b[31m<b>")])).axes[0].texts[0].get_text() == "a�[31m<b>"


@pytest.fixture(scope="module")
def page(fake):
    study = fake.study()
    planned = fake.plan(study)
    return build(study, planned, [fake.fake_record(trial) for trial in planned], [])


def test_every_figure_of_a_report(page):
    assert len(page.pictures) > 5
    for one in page.pictures:
        drawn = figure(one)
        assert drawn.get_figwidth() * 72 == pytest.approx(one.width, abs=0.1)
        axes = drawn.axes[0]
        assert len(axes.texts) == one.svg.count("<text"), one.name
        n_shapes = sum(one.svg.count(f"<{tag}") for tag in ("path", "rect", "circle"))
        (shapes,) = axes.collections
        assert len(shapes.get_paths()) == n_shapes, one.name


def test_figures_by_name(page, tmp_path):
    report = Report(tmp_path / "index.html", page)
    assert "answer" in report.figures
    assert report.figure("answer").axes
    with pytest.raises(RunError, match="no figure `anwser`; did you mean `answer`"):
        report.figure("anwser")


def test_a_notebook_shows_the_page(page, tmp_path):
    report = Report(tmp_path / "index.html", page)
    report.path.write_text('<p class="x">a & b</p>')
    shown = report._repr_html_()
    assert '<iframe srcdoc="&lt;p class=&quot;x&quot;&gt;a &amp; b&lt;/p&gt;"' in shown
