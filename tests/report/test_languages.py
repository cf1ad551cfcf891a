"""The report in Traditional Chinese: all of it, but for names that people gave; and files that programs read."""

import re
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from paribus.data.dataset import Dataset
from paribus.lang import language
from paribus.report.explorer import script_texts
from paribus.report.html import render
from paribus.report.page import build, write_report
from paribus.store.sql import open_store

ALLOWED = {
    *("AUROC", "argmax", "BatchNorm", "Brier", "Cohen", "EEG", "EEGNet", "F1", "FLOPs", "GHz", "Holm", "Hz", "MB"),
    *(
        "McNemar",
        "NaN",
        "R3",
        "Student",
        "bf16",
        "commit",
        "dB",
        "dropout",
        "epoch",
        "flooding",
        "git",
        "kappa",
        "logits",
    ),
    *("macro-F1", "mid-p", "paribus"),
}
"""Terms that Chinese text uses as they are, and units."""
VOID = {"meta", "link", "br", "img", "hr", "input", "col", "wbr"}


class Read(HTMLParser):
    """What a person reads or hears: texts but for code and scripts, names of figures and controls."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.said += [value for key, value in attrs if key in ("aria-label", "alt", "title", "placeholder") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script", "code", "pre"} & set(self.open):
            self.said.append(data)


def english(page: str, names: list[str]) -> list[str]:
    """Words of a page that are neither names nor allowed, with what they stand in."""
    letter = "[A-Za-z0-9]"
    given = "|".join(map(re.escape, sorted([*names, "paribus decide"], key=len, reverse=True)))
    left = []
    for said in Read(page).said:
        rest = re.sub(f"(?<!{letter})(?:{given})(?!{letter})", " ", said)
        left += [
            f"{word}: {said.strip()[:80]}" for word in re.findall(r"[A-Za-z][A-Za-z0-9-]+", rest) if word not in ALLOWED
        ]
    return left


def names_of(study, records) -> list[str]:
    """All that people gave, and what records and machines are called."""
    found = [study.name, study.question, "paribus run", *study.factors, "model.name", "model.activation"]
    found += [name for factor in study.factors.values() for name in map(str, factor.levels)]
    found += [one.source for one in study.reported]
    for record in records:
        environment = record.environment
        found += [record.trial_id, record.fingerprint, environment.cpu, environment.device, environment.platform]
        found += [
            *environment.versions,
            environment.kernels,
            "AVX2",
            "g++",
            record.data.description,
            *record.data.notes,
        ]
        found += [*record.data.class_names, record.spec.model.name]
        found += [text for layer in record.layers for text in (layer.name, layer.type)]
        found += record.predictions["test"].ids.tolist()
    return [name for name in dict.fromkeys(found) if name]


def eeg(n: int = 400) -> Dataset:
    return Dataset(
        x=np.random.default_rng(0).normal(size=(n, 1, 12, 300)).astype(np.float32),
        y=np.arange(n) % 2,
        ids=np.array([f"e{i}" for i in range(n)]),
        part=np.array(["test"] * n),
        class_names=("left hand", "right hand"),
        kind="eeg",
        description="made for a test",
        sfreq_hz=125.0,
    )


def weights(_):
    rng = np.random.default_rng(0)
    return {"temporal.weight": rng.normal(size=(8, 1, 1, 51)), "spatial.weight": rng.normal(size=(16, 1, 12, 1))}


@pytest.fixture(scope="module")
def full(fake):
    study = fake.study()
    planned = fake.plan(study)
    return study, planned, fake.fake_records(planned, {"leaky_relu": 0.03, "relu": 0.02, "eegnet": 0.04})


@pytest.fixture(scope="module")
def page(full):
    study, planned, records = full
    with language("zh-TW"):
        return render(build(study, planned, records, [], command="paribus run", dataset=eeg(), weights=weights))


def test_nothing_english_is_left(full, page):
    assert english(page, names_of(full[0], full[2])) == []


def test_a_page_in_english_would_be_noticed(full):
    study, planned, records = full
    left = english(render(build(study, planned, records, [], dataset=eeg())), names_of(study, records))
    assert len(left) > 1000


def test_partial_odd_and_empty_studies_too(fake, full):
    study, planned, records = full
    failures = [fake.fake_failure(planned[15]), fake.fake_failure(planned[16])]
    names = [*names_of(study, records), "NonFiniteLoss", "nan"]
    factors = {
        "activation": {"path": "model.activation", "levels": ["elu", "gelu"]},
        "lr": {"path": "train.optimizer.lr", "levels": [0.1, 0.01]},
    }
    alone = fake.study(factors=factors, design="one_at_a_time", seeds=2)
    on_test = fake.study(factors={}, seeds=1, selection="best_test")
    with language("zh-TW"):
        pages = [
            render(build(study, planned, records[:14], failures)),
            render(build(study, planned, [], [])),
            *(
                render(build(one, fake.plan(one), [fake.fake_record(trial) for trial in fake.plan(one)], []))
                for one in (alone, on_test)
            ),
        ]
    names += ["train.optimizer.lr", "gelu", "lr"]
    for one in pages:
        assert english(one, [*names, *re.findall(r"\b[0-9a-f]{8,}\b", one)]) == []
    assert "基準" in pages[2]
    assert "損失在第 3 週期第 2 批次變為 nan" in pages[0]


def test_says_what_it_has_to(page):
    words = "".join(Read(page).said)
    assert '<html lang="zh-Hant-TW">' in page
    for said in (
        "的平均測試準確率最高：",
        "95% 信賴區間",
        "混淆矩陣",
        "3 個種子",
        "訓練週期依驗證準確率選定；測試資料未參與任何選擇。",
    ):
        assert said in words
    assert re.search(r"eegnet · (elu|relu|leaky_relu) 的平均測試準確率最高：\d+\.\d%", words)
    assert " .</" not in page
    assert not re.search(r"[\u4e00-\u9fff]\.(?:\s|<)", page), "an English full stop behind Chinese"


def test_names_stay_text(fake):
    evil = "<script>alert(1)</script> {cell} {0}"
    study = fake.study(factors={"<b>factor": {"levels": {evil: {}, "b": {"model.activation": "elu"}}}}, reported=[])
    planned = fake.plan(study)
    with language("zh-TW"):
        page = render(build(study, planned, [fake.fake_record(t, class_names=(evil, "</p>")) for t in planned], []))
    assert "<script>alert" not in page
    assert "<b>factor" not in page
    assert page.count("{cell} {0}") > 10


def make_run(folder, full):
    study, planned, records = full
    with open_store(folder / "store.sqlite", create=True) as store:
        store.add_study(study, planned, "paribus run")
        for record in records:
            store.add(record)
    return folder


def test_files_are_called_alike_and_tables_are_english(tmp_path, full, monkeypatch):
    run = make_run(tmp_path, full)

    def files():
        return {path.relative_to(run): path.read_bytes() for path in (run / "report").rglob("*") if path.is_file()}

    write_report(run, lang="en")
    plain = files()
    result = write_report(run, lang="zh-TW").result
    chinese = files()
    assert plain.keys() == chinese.keys()
    assert [name for name in plain if name.parts[1] == "tables" and plain[name] != chinese[name]] == []
    assert all(plain[name] != chinese[name] for name in plain if name.suffix in (".svg", ".html"))
    assert result.comparisons[0].sentence.count("points"), "a result has no language of its own"
    monkeypatch.setenv("PARIBUS_LANG", "zh-TW")
    write_report(run)
    assert files() == chinese
    write_report(run, lang="en")
    assert files() == plain


def test_figures_of_their_own_have_the_fonts_of_the_language(tmp_path, full):
    write_report(make_run(tmp_path, full), lang="zh-TW")
    drawn = (tmp_path / "report" / "figures" / "answer.svg").read_text("utf-8")
    assert "&#x27;Noto Sans CJK TC&#x27;, sans-serif" in drawn
    assert "測試準確率（%）" in drawn


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def opened(page, tmp_path_factory):
    """Opens the page at a width; collects its errors."""
    playwright = pytest.importorskip("playwright.sync_api")
    from report.browser import FLAGS, chromium

    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=FLAGS)

        def opened(width):
            shown = browser.new_context(viewport={"width": width, "height": 900}).new_page()
            shown.errors = []
            shown.on("console", lambda said: shown.errors.append(said.text) if said.type == "error" else None)
            shown.on("pageerror", lambda error: shown.errors.append(str(error)))
            shown.goto(path.as_uri())
            return shown

        yield opened
        browser.close()


def has_chinese_glyphs() -> bool:
    try:
        found = subprocess.run(["fc-list", ":lang=zh-tw", "family"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return bool(found.stdout.strip())


@pytest.mark.parametrize("width", [390, 1200])
def test_fits_and_nothing_goes_wrong(opened, width):
    shown = opened(width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.locator("#explorer").is_visible()
    assert shown.errors == []


def test_the_explorer_speaks_it_too(opened, full):
    shown = opened(1200)
    drawn = shown.locator("#explorer .canvas svg").text_content()
    assert "訓練損失" in drawn
    assert "測試準確率（%）" in drawn
    shown.locator("#explorer .canvas").scroll_into_view_if_needed()
    box = shown.locator("#explorer .canvas").bounding_box()
    shown.mouse.move(box["x"] + 200, box["y"] + 80)
    tip = shown.locator("#explorer .tip").inner_text()
    assert re.match(r"第 \d+ 週期，訓練\n", tip), tip
    assert english(shown.locator("#explorer").evaluate("node => node.outerHTML"), names_of(full[0], full[2])) == []


def test_the_script_finds_its_messages():
    assert script_texts() == {}
    with language("zh-TW"):
        assert script_texts()["epoch {epoch}, {part}"] == "第 {epoch} 週期，{part}"
        assert len(script_texts()) == 8


def test_labels_in_figures_stand_in_their_picture(opened):
    """No label of a drawing reaches beyond its left or right edge, whatever the letters' width is taken for."""
    if not has_chinese_glyphs():
        pytest.skip("needs a font with Chinese letters: apt-get install fonts-noto-cjk")
    shown = opened(1200)
    beyond = shown.evaluate(
        """() => {
          for (const folded of document.querySelectorAll("details")) folded.open = true;
          return [...document.querySelectorAll("figure svg text:not([transform])")].filter((text) => {
            const box = text.getBBox();
            return box.x < -1 || box.x + box.width > text.ownerSVGElement.viewBox.baseVal.width + 1;
          }).map((text) => text.textContent);
        }"""
    )
    assert beyond == []


def test_images_for_papers_have_the_letters_or_it_is_said(tmp_path, full, monkeypatch):
    from paribus.report import paper

    assert not paper.lacks_letters("en")
    if has_chinese_glyphs():
        assert not paper.lacks_letters("zh-TW")
        report = write_report(make_run(tmp_path, full), lang="zh-TW", png=True)
        assert not report.lacks_letters
        assert (tmp_path / "report" / "figures" / "answer.png").exists()
    monkeypatch.setattr(paper, "_fonts", lambda: ["DejaVu Sans"])
    assert paper.lacks_letters("zh-TW")
    assert paper.image(report_picture(full)), "drawn all the same, without a warning a letter"


def report_picture(full):
    from paribus.analysis.study import analyse
    from paribus.report.figures import answer_picture

    study, planned, records = full
    with language("zh-TW"):
        picture = answer_picture(analyse(study, planned, records, []))
    assert picture
    return picture
