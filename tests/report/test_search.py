"""What the report says of a search."""

from dataclasses import replace

import pytest

from conformance.build import make_planned, make_record, make_search
from paribus.analysis.study import analyse
from paribus.grid import planned_trial
from paribus.lang import language
from paribus.plan import Search
from paribus.report.html import render
from paribus.report.page import build
from paribus.report.search import candidates_table, search_picture, search_words
from paribus.search import Candidate, Seen, confirmation, propose

STUDY = make_search(trials=7, confirm=1)


def made(*seen: Seen) -> Search:
    """A search whose candidates gave this, the baseline first."""
    found: tuple[Candidate, ...] = ()
    for one in seen:
        cell, configuration = propose(STUDY, found) if found else ((), STUDY.baseline)
        trial = planned_trial(STUDY, cell, configuration, STUDY.seeds[0], "f")
        found += (Candidate(len(found), trial, one),)
    return Search(STUDY, found)


SEARCH = made(
    Seen("finished", (0.5, 0.7), 0.7, 0.6, 60.0),
    Seen("finished", (0.6, 0.9), 0.9, 0.4, 60.0),
    Seen("pruned", (0.4,), 0.4, 1.0, 30.0),
    Seen("failed"),
)


def confirmed(search: Search):
    study = confirmation(search.study, search.best)
    planned = make_planned(study)
    records = [make_record(t.trial_id, spec=t.spec, accuracy=0.8 if t.cell else 0.6) for t in planned]
    return study, planned, records


@pytest.fixture
def result():
    study, planned, records = confirmed(SEARCH)
    return analyse(study, planned, records, [])


def test_words(result) -> None:
    lead, flattered, other, effort = search_words(SEARCH, result)
    lr, activation = (level for _, level in SEARCH.candidates[1].trial.cell)
    assert lead == (
        f"The best of 4 candidates by validation with seed 0 is lr {lr} and {activation}: 90.0% there, "
        "the baseline 70.0%."
    )
    assert "flatters; seed 0 takes no part" in flattered
    assert other.startswith("With 2 other seeds it has 80.0% on validation and 80.0% on test (")
    assert effort == (
        "The search took 2.5 min of training. 1 candidate ended early, since others were ahead (pruned). "
        "1 candidate failed. 3 candidates of its budget not chosen yet."
    )


def test_a_baseline_that_nothing_beats(result) -> None:
    first, second, *_ = SEARCH.candidates
    search = Search(STUDY, (first, replace(second, seen=replace(second.seen, accuracy=0.6)), first))
    lead, _, other, effort = search_words(search, result)
    assert lead == "Of 3 candidates with seed 0 none did better on validation than the baseline."
    assert "60.0% on test" in other
    assert "1 candidate came a second time and cost no training." in effort


def test_nothing_finished(result) -> None:
    search = made(Seen("failed"))
    assert search_words(search, result) == ("Of 1 candidate with seed 0 none finished, so nothing was found.",)
    assert search_picture(search) is None


def test_table() -> None:
    table = candidates_table(SEARCH)
    lr, activation = (level for _, level in SEARCH.candidates[1].trial.cell)
    assert table.rows[0] == (0, "0.001", "relu", 0.7, "finished", 2, 60.0)
    assert table.rows[1] == (1, lr, activation, 0.9, "finished", 2, 60.0)
    assert table.rows[2][3:] == (0.4, "pruned", 1, 30.0)
    assert table.rows[3][3:] == (None, "failed", None, None)
    assert table.marks == {(1, 3): "best"}


@pytest.mark.parametrize(("code", "word"), [("en", "Search"), ("zh-TW", "搜尋")])
def test_the_page_has_its_section(code: str, word: str) -> None:
    study, planned, records = confirmed(SEARCH)
    with language(code):
        page = build(study, planned, records, [], search=SEARCH)
        text = render(page)
        assert "search" not in {section.id for section in build(study, planned, records, []).sections}
    assert page.sections[1].id == "search"
    assert f'<h2 id="search-title">{word}</h2>' in text
    assert "candidates" in {table.name for table in page.tables}
    drawn = next(picture for picture in page.pictures if picture.name == "search")
    assert drawn.svg.count("<circle") == 2 + 3  # two in the legend, and the candidates with a figure
