"""The page as a reader's browser gets it: whole, safe, self-contained, and the same every time."""

import json
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest

from paribus.errors import RunError, StoreError
from paribus.report.html import render
from paribus.report.page import build, write_report
from paribus.store.sql import open_store

SECTIONS = [
    *("answer", "table", "figure", "comparisons", "curves", "confusion", "examples", "calibration"),
    *("diagnosis", "data", "networks", "opened", "recipe", "optimism", "reproducibility", "failures"),
]
VOID = {"meta", "link", "br", "img", "hr", "input", "col", "wbr"}


class Reader(HTMLParser):
    """Collects what the tests ask for, and that every element is closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.headings, self.text = [], Counter(), Counter(), [], [], []
        self.headers_without_scope = 0
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags[tag] += 1
        self.ids.update([found["id"]] if "id" in found else [])
        self.links += [
            (tag, key, found[key]) for key in ("href", "src", "xlink:href", "srcset", "data") if key in found
        ]
        self.headers_without_scope += tag == "th" and "scope" not in found
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.ids.update([dict(attrs)["id"]] if "id" in dict(attrs) else [])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


@pytest.fixture(scope="module")
def full(fake):
    study = fake.study()
    planned = fake.plan(study)
    ceilings = {"leaky_relu": 0.03, "relu": 0.02, "eegnet": 0.04}
    return study, planned, fake.fake_records(planned, ceilings)


@pytest.fixture(scope="module")
def page(full):
    study, planned, records = full
    return render(build(study, planned, records, [], created="2025-01-02T03:04:05Z", command="paribus run x.yaml"))


def assert_sound(page):
    """What holds for every report."""
    reader = Reader(page)
    assert [one for one, n in reader.ids.items() if n > 1] == []
    assert [name for name in SECTIONS if name not in reader.ids] == []
    assert reader.headers_without_scope == 0
    assert reader.headings[0] == 1
    assert reader.headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(reader.headings, reader.headings[1:], strict=False))
    assert all(tag == "a" and (link.startswith(("#", "figures/"))) for tag, _, link in reader.links)
    assert all(link[1:] in reader.ids for _, _, link in reader.links if link.startswith("#"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert reader.tags["script"] in (1, 2), "our own, and the values of the curves where there are any"
    assert "<script src" not in page
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"']?https?:", page), (
        "an address may be read, and nothing is fetched"
    )
    assert "prefers-color-scheme: dark" in style
    return reader


def test_sound(page):
    reader = assert_sound(page)
    assert [tag for tag in SECTIONS if tag in page] == SECTIONS
    positions = [page.index(f'<section id="{name}"') for name in SECTIONS]
    assert positions == sorted(positions)
    assert [link for _, _, link in reader.links][1 : 1 + len(SECTIONS)] == [f"#{name}" for name in SECTIONS]


def test_says_what_it_has_to(page, full):
    words = Reader(page).words
    study, _, records = full
    assert study.question in words
    assert "has the highest mean test accuracy" in words
    assert "95% interval over 3 seeds" in words
    assert "The epoch was chosen on validation accuracy; test data chose nothing." in words
    assert "Always guessing the most frequent class would give 50.0%" in words
    assert "3 trials with NaN dropped" in words
    assert "125 Hz" in words
    assert "2,386" in words
    assert "paribus run x.yaml" in words
    assert records[0].fingerprint in words
    assert all(record.trial_id in words for record in records)
    assert "reported, R0" in words
    assert "kernels: compiled for AVX2 by g++ 12" in words
    assert "batch_size: 128" in words
    assert "No trial failed." in words


def test_same_bytes_every_time(page, full):
    study, planned, records = full
    assert page == render(
        build(study, planned, records, [], created="2025-01-02T03:04:05Z", command="paribus run x.yaml")
    )


EVIL = "<script>alert(1)</script>"


def test_names_are_text_never_markup(fake):
    study = fake.study(
        question=f"Is {EVIL} \"quoted\" & 'safe' {{{{ 7 * 7 }}}}?",
        factors={"<b>factor": {"levels": {EVIL: {}, '" onload="x': {"model.activation": "elu"}}}},
        seeds=2,
    )
    planned = fake.plan(study)
    records = [fake.fake_record(trial, class_names=(EVIL, "</title><img src=x>")) for trial in planned[:3]]
    failure = fake.fake_failure(planned[3], message=EVIL)
    reader = assert_sound(render(build(study, planned, records, [failure], command=EVIL, store=EVIL)))
    assert reader.tags["img"] == 0
    assert reader.words.count(EVIL) >= 6
    assert "{{ 7 * 7 }}" in reader.words


def test_partial_study_names_what_is_wanting(fake, full):
    study, planned, records = full
    failures = [fake.fake_failure(planned[15], "out of memory <here>")]
    reader = assert_sound(render(build(study, planned, records[:15], failures)))
    assert "Provisional: 15 of 18 trials finished, 1 failed and 2 not run yet" in reader.words
    assert "Without any finished trial: deepconvnet · leaky_relu (1 failed and 2 not run)" in reader.words
    assert "out of memory <here>" in reader.words
    assert "Traceback (most recent call last)" in reader.words


def test_nothing_finished_still_makes_a_page(fake):
    study = fake.study()
    reader = assert_sound(render(build(study, fake.plan(study), [], [])))
    assert "No trial is finished yet" in reader.words


def test_one_trial_without_factors(fake):
    study = fake.study(factors={}, seeds=1)
    planned = fake.plan(study)
    reader = assert_sound(render(build(study, planned, [fake.fake_record(planned[0])], [])))
    assert "by the test examples alone" in reader.words
    assert "There is nothing to compare" in reader.words


def test_one_at_a_time(fake):
    factors = {
        "activation": {"path": "model.activation", "levels": ["elu", "relu", "gelu"]},
        "lr": {"path": "train.optimizer.lr", "levels": [0.1, 0.01]},
    }
    study = fake.study(factors=factors, design="one_at_a_time")
    planned = fake.plan(study)
    records = [fake.fake_record(trial, stop_at=12 + trial.spec.seed) for trial in planned]
    reader = assert_sound(render(build(study, planned, records, [])))
    assert "lr 0.01" in reader.words
    assert "train.optimizer.lr" in reader.words


def test_choosing_on_test_is_said_loudly(fake):
    study = fake.study(selection="best_test", factors={}, seeds=1)
    planned = fake.plan(study)
    words = Reader(render(build(study, planned, [fake.fake_record(planned[0])], []))).words
    assert "chosen ON TEST" in words
    assert "test data chose nothing" not in words
    assert "chose the epoch on test, so its accuracies are the flattered ones" in words


def test_large_study_is_quick_and_small(fake):
    baseline = fake.study().baseline.model_dump(mode="json")
    baseline["train"]["epochs"] = 150
    factors = {
        "activation": {"path": "model.activation", "levels": ["elu", "relu", "leaky_relu", "gelu", "silu"]},
        "lr": {"path": "train.optimizer.lr", "levels": [0.01, 0.003, 0.001, 0.0001]},
    }
    study = fake.study(baseline=baseline, factors=factors)
    planned = fake.plan(study)
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    page = render(build(study, planned, [fake.fake_record(t, class_names=classes) for t in planned], []))
    assert len(page) < 3_000_000
    assert_sound(page)


# ---------------------------------------------------------------- files


def make_run(path, fake, records=None, study=None, failures=()):
    study = study or fake.study()
    planned = fake.plan(study)
    with open_store(path / "store.sqlite", create=True) as store:
        store.add_study(study, planned, "paribus run")
        for outcome in (*(records if records is not None else map(fake.fake_record, planned)), *failures):
            store.add(outcome)
    return path


def test_write_report(tmp_path, fake):
    run = make_run(tmp_path, fake)
    index = write_report(run).path
    assert index == run / "report" / "index.html"
    assert_sound(index.read_text("utf-8"))
    names = {path.relative_to(run / "report").as_posix() for path in index.parent.rglob("*") if path.is_file()}
    assert {"tables/answer.csv", "tables/cells.md", "tables/trials.csv", "figures/answer.svg"} <= names
    assert len([name for name in names if re.match(r"figures/curves-.*\.svg", name)]) == 5
    assert {name.replace(".svg", ".png") for name in names if name.endswith(".svg")} < names
    assert not [name for name in names if "/." in name or name.startswith(".")]
    (run / "report" / "figures" / "stale.svg").write_text("<svg/>")
    before, image = index.read_bytes(), (run / "report" / "figures" / "answer.png").read_bytes()
    write_report(run)
    assert index.read_bytes() == before
    assert (run / "report" / "figures" / "answer.png").read_bytes() == image
    assert not (run / "report" / "figures" / "stale.svg").exists()
    write_report(run, png=False)
    assert not list((run / "report" / "figures").glob("*.png"))


def test_of_very_many_figures_no_images_unless_asked_for(tmp_path, fake, monkeypatch):
    monkeypatch.setattr("paribus.report.page.AT_MOST_IMAGES", 3)
    report = write_report(make_run(tmp_path, fake))
    assert report.n_left_out == len(report.figures)
    assert not list((tmp_path / "report" / "figures").glob("*.png"))
    assert write_report(tmp_path, png=True).n_left_out == 0
    assert (tmp_path / "report" / "figures" / "answer.png").exists()


def test_no_run(tmp_path):
    with pytest.raises(RunError, match=r"no store\.sqlite"):
        write_report(tmp_path)
    with open_store(tmp_path / "store.sqlite", create=True):
        pass
    with pytest.raises(RunError, match="no study yet"):
        write_report(tmp_path)


def test_nothing_finished_is_an_error_in_words(tmp_path, fake):
    planned = fake.plan(fake.study())
    run = make_run(tmp_path, fake, records=(), failures=[fake.fake_failure(planned[0], "disk full")])
    with pytest.raises(RunError, match=r"no trial .* finished yet, 1 failed .*disk full"):
        write_report(run)


def test_damaged_store(tmp_path):
    (tmp_path / "store.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError):
        write_report(tmp_path)


def test_unwritable_place(tmp_path, fake):
    run = make_run(tmp_path, fake)
    (run / "report").write_text("a file where the folder should be")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(run)


def test_heavy_packages_are_not_loaded():
    code = (
        "import json, sys, paribus.report.page; "
        "print(json.dumps([m for m in ('torch', 'aeon', 'sklearn', 'scipy', 'matplotlib', 'pandas', 'jinja2', 'rich') "
        "if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
