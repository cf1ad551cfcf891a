"""The report as a person uses it: in headless Chromium, with a pointer, at several sizes."""

import json
from pathlib import Path

import pytest

from paribus.report.html import render
from paribus.report.page import build

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def chromium():
    from report.browser import FLAGS, chromium

    path = chromium()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def write(fake, folder: Path, **changes) -> Path:
    study = fake.study(**changes)
    planned = fake.plan(study)
    page = build(study, planned, fake.fake_records(planned, {"elu": 0.02}), [])
    path = folder / "index.html"
    path.write_text(render(page), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium, fake, tmp_path):
    """A page of the fake study, its errors collected."""
    contexts = []

    def opened(width=1200, height=900, path=None, **options):
        path = path or write(fake, tmp_path)
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else page.errors.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


def n_curves(page) -> int:
    return page.locator("#explorer .canvas svg path[stroke^='#']").count()


def test_nothing_is_fetched_and_nothing_goes_wrong(opened):
    page = opened()
    assert page.locator("#explorer").is_visible()
    assert n_curves(page) == 6 * 6, "six cells in six panels"
    assert page.locator("#curves details.still[open]").count() == 0
    assert page.errors == []


def test_a_cell_is_hidden_and_shown(opened):
    page = opened()
    button = page.locator("#explorer .legend button", has_text="eegnet · elu")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert n_curves(page) == 5 * 6
    page.locator("#explorer .none").click()
    assert n_curves(page) == 0
    page.locator("#explorer .all").click()
    assert n_curves(page) == 6 * 6
    assert page.errors == []


def test_hovering_tells_the_values_of_the_epoch(opened):
    page = opened()
    data = json.loads(page.locator("#explorer-data").text_content())
    page.locator("#explorer .canvas").scroll_into_view_if_needed()
    box = page.locator("#explorer .canvas").bounding_box()
    # The third panel of the second row is test accuracy; the middle of its 40 epochs.
    wide = (box["width"] - 44 - 14 - 28) / 3
    page.mouse.move(box["x"] + 44 + 2 * (wide + 14) + wide / 2, box["y"] + 22 + 210 + 80)
    tip = page.locator("#explorer .tip")
    assert tip.is_visible()
    lines = tip.inner_text().splitlines()
    assert lines[0].endswith("test")
    epoch = int(lines[0].split()[1].rstrip(","))
    cell = next(one for one in data if one["label"] == "eegnet · relu")
    value = cell["curves"]["accuracy"]["test"][0][cell["epochs"].index(epoch)]
    assert f"eegnet · relu: {value:.1f}%" in lines
    values = [float(line.rsplit(" ", 1)[1].rstrip("%")) for line in lines[1:]]
    assert values == sorted(values, reverse=True)
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    assert tip.is_hidden()


def test_dragging_zooms_and_the_button_resets(opened):
    page = opened()
    page.locator("#explorer .canvas").scroll_into_view_if_needed()
    box = page.locator("#explorer .canvas").bounding_box()
    wide = (box["width"] - 44 - 14 - 28) / 3

    def labels():
        return set(page.locator("#explorer .canvas svg text").all_text_contents())

    before = labels()
    y = box["y"] + 22 + 60
    page.mouse.move(box["x"] + 44 + 0.5 * wide, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 44 + 0.8 * wide, y, steps=4)
    page.mouse.up()
    assert page.locator("#explorer .reset").is_enabled()
    assert labels() != before
    assert "10" not in labels()
    page.locator("#explorer .reset").click()
    assert labels() == before
    assert page.errors == []


def test_smoothing_and_log_scale_change_the_lines(opened):
    page = opened()

    def first():
        return page.locator("#explorer .canvas svg path[stroke^='#']").first.get_attribute("d")

    plain = first()
    page.locator("#explorer .log").check()
    logarithmic = first()
    assert logarithmic != plain
    page.locator("#explorer .smooth").fill("0.9")
    assert first() not in (plain, logarithmic)
    page.locator("#explorer .log").uncheck()
    page.locator("#explorer .smooth").fill("0")
    assert first() == plain


@pytest.mark.parametrize("width", [390, 700, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_every_width_in_light_and_dark(opened, width, scheme):
    page = opened(width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(int(part) for part in background.strip("rgb()").split(",")) < 200
    assert dark == (scheme == "dark")
    assert page.errors == []


def test_without_scripts_the_still_figures_stand(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("#explorer").is_hidden()
    assert page.locator("#curves details.still[open]").count() == 1


def test_names_are_text(opened, fake, tmp_path):
    evil = "<script>alert(1)</script>"
    path = write(
        fake,
        tmp_path,
        question=f'{evil} \U0001f600 "quoted"?',
        factors={"f": {"levels": {evil: {"model.dropout": 0.1}, "b": {"model.dropout": 0.2}}}},
        reported=[],
    )
    page = opened(path=path)
    assert evil in page.locator("h1").inner_text()
    assert evil in page.locator("#explorer .legend").inner_text()
    assert page.errors == []


def test_sixty_trials_open_within_two_seconds(opened, fake, tmp_path):
    levels = [round(0.01 * i, 2) for i in range(20)]
    path = write(
        fake,
        tmp_path,
        baseline={
            "data": {"source": "bci3b", "path": "data"},
            "model": {"name": "eegnet", "activation": "relu"},
            "train": {"epochs": 300, "batch_size": 128},
        },
        factors={"dropout": {"path": "model.dropout", "levels": levels}},
        reported=[],
    )
    assert path.stat().st_size < 8e6
    page = opened(path=path)
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert page.locator("#explorer .legend button").count() == 20
    assert loaded < 20_000, "milliseconds; two seconds when nothing else runs, and this is no timed test"
    assert page.errors == []
