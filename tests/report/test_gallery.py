"""Misclassified examples as pictures."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from conformance.build import make_planned, make_records, make_study
from paribus.analysis.study import analyse
from paribus.data.dataset import Dataset
from paribus.report.gallery import walls
from paribus.report.html import render
from paribus.report.page import build


def dataset(kind: str, n: int = 40, names=("class 0", "class 1")) -> Dataset:
    rng = np.random.default_rng(0)
    x = (
        rng.normal(3, 1, (n, 1, 12, 300)).astype(np.float32)
        if kind == "eeg"
        else rng.integers(0, 256, (n, 3, 8, 6), dtype=np.uint8)
    )
    return Dataset(
        x=x,
        y=np.arange(n) % 2,
        ids=np.array([f"test-0-{i}" for i in range(n)]),
        part=np.array(["test"] * n),
        class_names=names,
        kind=kind,
        description="made for a test",
    )


@pytest.fixture(scope="module")
def study():
    study = make_study()
    planned = make_planned(study)
    records = make_records(planned, [0.7, 0.75, 0.7, 0.6, 0.65, 0.6])
    return study, planned, records, analyse(study, planned, records, [])


def test_images_are_the_examples_themselves(study):
    *_, records, result = study
    data = dataset("image")
    made = walls(result, records, data)
    assert made[0].title == "Most confident mistakes"
    tile = made[0].tiles[0]
    png = base64.b64decode(re.search(r"base64,([^\"]+)", tile.picture)[1])
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    row = data.ids.tolist().index(tile.example)
    assert np.array_equal(np.moveaxis(pixels, 2, 0), data.x[row])
    assert {tile.true, tile.named} == {"class 0", "class 1"}
    assert f"true {tile.true}" not in tile.picture
    assert f"true class {tile.true}, named {tile.named}" in tile.picture
    probabilities = [one.probability for one in made[0].tiles]
    assert probabilities == sorted(probabilities, reverse=True)


def test_trials_are_traces_of_some_channels(study):
    *_, records, result = study
    tile = walls(result, records, dataset("eeg"))[0].tiles[0]
    assert tile.picture.count("<path") == 8
    assert "and 4 more channels" in tile.picture
    heights = [float(y) for y in re.findall(r"[ML]?[\d.]+ ([\d.]+)", tile.picture.split('d="')[1].split('"')[0])]
    assert np.ptp(heights) > 3, "an offset does not press them flat"


def test_traces_name_their_channels(study):
    *_, records, result = study
    names = (*(f"E{k}" for k in range(10)), "<b>", "a name that is far too long")
    named = replace(dataset("eeg"), channel_names=names)
    picture = walls(result, records, named)[0].tiles[0].picture
    assert re.findall(r"<text[^>]*>(E\d)</text>", picture) == [f"E{k}" for k in range(8)]
    left = min(float(x) for x in re.findall(r'd="M([\d.]+)', picture))
    assert left >= 4 + 2 * 0.58 * 7 - 0.1, "traces begin beside their names"
    evil = replace(named, channel_names=("<b>", "a name that is far too long", *names[:10]))
    picture = walls(result, records, evil)[0].tiles[0].picture
    assert "<b>" not in picture
    assert "a name tha…" in picture


def test_names_are_escaped_and_what_cannot_be_shown_is_said(study):
    plain, planned, records, result = study
    evil = dataset("image", names=("<script>alert(1)</script>", "b"))
    html = render(build(plain, planned, records, [], dataset=evil))
    assert "<script>alert" not in html
    assert "The data were not looked at." in render(build(plain, planned, records, []))
    none = dataset("image", n=2)
    assert all(len(wall.tiles) <= 2 for wall in walls(result, records, none))


def test_the_report_of_a_run_whose_data_are_gone_says_so(tmp_path, study):
    from paribus.plan import STORE
    from paribus.report.page import write_report
    from paribus.store.sql import open_store

    plain, planned, records, _ = study
    with open_store(tmp_path / STORE, create=True) as store:
        store.add_study(plain, planned, "")
        for record in records:
            store.add(record)
    html = write_report(tmp_path).path.read_text()
    assert "the data have changed since" in html, "digits have another fingerprint than this made-up run"


def test_copies_are_told_with_their_classes(study):
    *_, records, result = study
    data = dataset("image")
    made = walls(result, records, data)
    row = data.ids.tolist().index(made[0].tiles[0].example)
    x = np.concatenate([data.x, data.x[[row, row]]])
    more = Dataset(
        x=x,
        y=np.concatenate([data.y, [0, 1]]),
        ids=np.array([*data.ids, "extra 0", "extra 1"]),
        part=np.array([*data.part, "train", "train"]),
        class_names=data.class_names,
        kind="image",
        description="",
    )
    tiles = walls(result, records, more)[0].tiles
    assert tiles[0].copies == "copies: train (class 0), train (class 1)"
    assert all(tile.copies == "" for tile in tiles[1:])
