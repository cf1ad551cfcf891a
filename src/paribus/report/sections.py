"""The sections of the report: each one function here, from `Material` to the values of one template block.

To add a section, write its function, a template ``section_NAME.html`` and a line in `SECTIONS`.
"""

from collections.abc import Callable
from typing import Any

from paribus.analysis.advice import Sign
from paribus.analysis.confusion import most_confused
from paribus.analysis.diagnose import Diagnosis
from paribus.analysis.plain import flat
from paribus.analysis.result import StudyResult
from paribus.analysis.words import between, count, join, n_of, number, percent, points, spread
from paribus.lang import msg, tr
from paribus.record import Environment
from paribus.report.answer import answer_words, method_words, provisional_words
from paribus.report.explorer import explorer_data
from paribus.report.listing import differences_table, yaml_like
from paribus.report.material import Material, Section
from paribus.report.networks import footnote
from paribus.report.reliability import reliability_words
from paribus.report.search import search, search_words
from paribus.report.svg import Picture
from paribus.report.table import Column, Table, without

AT_MOST_COMPARISONS = 6
"""In the answer; of more, those that show a difference are named and the rest are counted."""
AT_MOST_FAILURES = 50
"""Of more, the first."""
AT_MOST_NAMED = 100
"""Cells in one sentence or list; of more, the first."""
AT_MOST_CONFUSIONS = 6
"""Side by side; of more, the best cell's is shown and the rest are folded away."""


def answer(material: Material) -> dict[str, Any]:
    """Question and answer in words."""
    result = material.result
    words = answer_words(result, material.data)
    tiles = []
    if result.best and result.best.cell.scores:
        best = result.best.cell.scores.accuracy
        bounds = spread(best, share=True)
        note = tr(
            "{cell} ({interval}, one seed)" if best.n == 1 else "{cell} ({interval})",
            cell=result.best.cell.label,
            interval=bounds,
        )
        tiles.append((tr("best cell"), percent(best.mean), note))
    tiles.append((tr("trials finished"), n_of(result.n_finished, result.n_planned), _tile_of_trials(result)))
    if material.records:
        minutes = sum(record.seconds for record in material.records) / 60
        spent = tr("{n} h", n=number(minutes / 60)) if minutes >= 90 else tr("{n} min", n=number(minutes))
        epochs = [seed.selected_epoch for cell in result.cells if cell.scores for seed in cell.scores.seeds]
        selected = tr("selected epochs {range}", range=between(min(epochs), max(epochs)))
        tiles.append((tr("training time"), spent, selected))
    compared = [one for one in result.comparisons if one.difference]
    telling = [one for one in compared if one.verdict != "unseen"]
    shown = compared if len(compared) <= AT_MOST_COMPARISONS else telling[:AT_MOST_COMPARISONS]
    found = [search_words(material.search, result)[0]] if material.search else []
    return {
        "lead": words[0],
        "words": [*found, *words[1:]],
        "compared": [(_scope(result, one.factor), one.sentence) for one in shown],
        "n_more": len(compared) - len(shown),
        "rest_undecided": len(telling) <= len(shown),
        "method": method_words(result, material.data, [trial.spec for trial in material.planned]),
        "provisional": provisional_words(result),
        "tiles": tiles,
    }


def _scope(result: StudyResult, factor: str) -> str:
    others = _others(result, factor)
    return tr("{factor} (mean over {others})", factor=factor, others=others) if others else factor


def _tile_of_trials(result: StudyResult) -> str:
    parts = [count(len(result.cells), "cell"), count(len(result.study.seeds), "seed")]
    failed = [tr("{n} failed", n=result.n_failed)] if result.n_failed else []
    return " · ".join([" × ".join(parts), *failed])


def table(material: Material) -> dict[str, Any]:
    """Accuracy as in a lab report, and the long table."""
    result = material.result
    sources = dict.fromkeys(value.source for cell in result.cells for value in cell.reported)
    missing = [
        tr("{cell} ({why})", cell=cell.label, why=join(_wanting(len(cell.failed), len(cell.missing))))
        for cell in result.cells
        if cell.scores is None
    ]
    show_grid = result.crossed and len(result.factors) > 1 and material.shown is result
    return {
        "grid": material.tables["answer"] if show_grid else None,
        "cells": without(material.tables["cells"], (tr("best on test"), tr("optimism"))),  # a section of their own
        "more": [material.tables[name] for name in ("spreads", "further", "classes") if material.tables[name].rows],
        "sources": list(sources),
        "missing": missing[:AT_MOST_NAMED],
        "n_more_missing": len(missing[AT_MOST_NAMED:]),
    }


def _wanting(failed: int, missing: int) -> list[str]:
    said = [tr("{n} failed", n=failed)] if failed else []
    return [*said, tr("{n} not run", n=missing)] if missing else said


def figure(material: Material) -> dict[str, Any]:
    """All cells in one picture."""
    return {"picture": material.answer}


def comparisons(material: Material) -> dict[str, Any]:
    """Each level against the baseline's, in words and within each context."""
    groups = []
    for factor in material.result.factors:
        mine = [one for one in material.shown.comparisons if one.factor == factor]
        groups.append({"factor": factor, "comparisons": mine, "others": _others(material.result, factor)})
    more = [table for name, table in material.tables.items() if name.startswith("two-way") and table.rows]
    return {
        "groups": [group for group in groups if group["comparisons"]],
        "interactions": [one.sentence for both in material.shown.two_ways for one in both.interactions],
        "two_ways": more,
        "picture": material.differences,
        "tables": [
            material.tables[name] for name in ("comparisons", "pairs", "interactions") if material.tables[name].rows
        ],
    }


def _others(result: StudyResult, factor: str) -> str:
    return join([other for other in result.factors if other != factor]) if result.crossed else ""


def curves(material: Material) -> dict[str, Any]:
    """Learning curves, by factor."""
    return {
        "by_factor": {factor: found for factor, found in material.curves.items() if found},
        "honest": material.result.study.selection != "best_test",
        "data": explorer_data(material.shown),
    }


def confusion(material: Material) -> dict[str, Any]:
    """A confusion matrix for each cell; of many cells, the best stands out and the others are folded away."""
    confused = [
        tr("{cell}: {said}", cell=cell.label, said=join([_confused(*pair) for pair in pairs]))
        for cell in material.shown.cells
        if cell.scores and (pairs := most_confused(cell.scores.confusion, cell.scores.class_names))
    ]
    return {**_gallery(material, material.confusions), "confused": confused}


def _confused(true: str, named: str, share: float) -> str:
    return tr("{true} taken for {named} ({share})", true=true, named=named, share=percent(share))


def _gallery(material: Material, pictures: dict[str, Picture]) -> dict[str, Any]:
    """Pictures of cells: all of a few; of many the best cell's, and the others to be folded away."""
    best = material.result.best.cell.label if material.result.best else ""
    first = [best] if len(pictures) > AT_MOST_CONFUSIONS else list(pictures)
    return {
        "first": {label: one for label, one in pictures.items() if label in first},
        "others": {label: one for label, one in pictures.items() if label not in first},
        "best": best,
    }


def examples(material: Material) -> dict[str, Any]:
    """Test examples that are named wrongly."""
    explained = material.explained and material.data is not None and material.data.kind == "image"
    return {
        "walls": material.walls,
        "why_not": material.no_examples,
        "finished": bool(material.records),
        "explained": explained,
    }


def calibration(material: Material) -> dict[str, Any]:
    """Whether probabilities mean what they say."""
    said = [words for cell in material.shown.cells if (words := reliability_words(cell))]
    rising = [
        (cell.label, one.text) for cell in material.shown.cells for one in cell.diagnoses if one.sign == "overconfident"
    ]
    rules = material.tables["rules"] if material.tables["rules"].rows else None
    return {**_gallery(material, material.reliabilities), "said": said, "rising": rising, "rules": rules}


def diagnosis(material: Material) -> dict[str, Any]:
    """What the shapes of the learning curves say, and what helps."""
    said: dict[Sign, list[tuple[str, Diagnosis]]] = {}
    for cell in material.result.cells:
        for one in cell.diagnoses:
            said.setdefault(one.sign, []).append((cell.label, one))
    return {
        "said": {sign: found[:AT_MOST_NAMED] for sign, found in said.items()},
        "n_cells": {sign: len({label for label, _ in found}) for sign, found in said.items()},
        "at_most": AT_MOST_COMPARISONS,
        "finished": bool(material.records),
    }


def optimism(material: Material) -> dict[str, Any]:
    """What choosing the epoch on test would have claimed."""
    whole = material.result.optimism
    bounds = (
        tr("{bounds}, 95% interval over {seeds}", bounds=spread(whole), seeds=count(whole.n, "seed"))
        if whole and whole.known
        else ""
    )
    rows = tuple(
        (cell.label, cell.scores.accuracy, cell.scores.best_on_test, cell.scores.optimism)
        for cell in material.shown.cells
        if cell.scores
    )
    columns = (
        Column(tr("cell")),
        Column(tr("test accuracy"), "percent"),
        Column(tr("best on test"), "percent"),
        Column(tr("optimism"), "points"),
    )
    return {
        "mean": points(whole.mean) if whole else "",
        "bounds": bounds,
        "table": Table("optimism", tr("Mean over seeds with 95% interval."), columns, rows),
        "on_test": material.result.study.selection == "best_test",
        "refitted": any(trial.spec.train.refit == "all" for trial in material.planned),
    }


def data(material: Material) -> dict[str, Any]:
    """What the networks were trained and tested on, once for each distinct set of data."""
    return {"groups": material.data_groups}


def networks(material: Material) -> dict[str, Any]:
    """Every distinct network, drawn and layer by layer."""
    return {"groups": material.networks, "at_most": AT_MOST_NAMED, "footnote": footnote()}


def opened(material: Material) -> dict[str, Any]:
    """What the best cell's network has learned, and what there was to learn from."""
    return {
        "pictures": material.opened,
        "words": tr(
            "Of the first finished seed of the best cell. Filters are looked at to understand a network, not to judge "
            "it."
        ),
    }


def recipe(material: Material) -> dict[str, Any]:
    """The baseline and what cells change on it."""
    study = material.result.study
    plain = study.baseline.model_dump(mode="json")
    head = {"design": study.design, "seeds": flat(list(study.seeds)), "selection": study.selection}
    return {
        "baseline": yaml_like({**head, "baseline": plain}),
        "table": differences_table(material.result, material.planned, material.shown.cells),
    }


def reproducibility(material: Material) -> dict[str, Any]:
    """All that is needed to come to the same figures."""
    environments: dict[tuple[Any, ...], list[Environment]] = {}
    for record in material.records:
        one = record.environment
        key = (tuple(one.versions.items()), one.platform, one.cpu, one.device, one.threads, one.git_commit, one.kernels)
        environments.setdefault(key, []).append(one)
    commands = dict.fromkeys(record.environment.command for record in material.records if record.environment.command)
    return {
        "environments": [(found[0], count(len(found), "trial")) for found in environments.values()],
        "fingerprints": list(dict.fromkeys(record.fingerprint for record in material.records)),
        "command": material.command or next(iter(commands), ""),
        "store": material.store,
        "created": material.created,
        "table": material.tables["trials"],
    }


def failures(material: Material) -> dict[str, Any]:
    """What could not be finished, and why."""
    found = material.result.failures
    return {"failures": found[:AT_MOST_FAILURES], "n": len(found), "n_missing": material.result.n_missing}


SECTIONS: tuple[tuple[str, str, Callable[[Material], dict[str, Any]]], ...] = (
    ("answer", msg("Answer"), answer),
    ("search", msg("Search"), search),
    ("table", msg("Results"), table),
    ("figure", msg("All cells at a glance"), figure),
    ("comparisons", msg("Comparisons"), comparisons),
    ("curves", msg("Learning curves"), curves),
    ("confusion", msg("Confusion matrices"), confusion),
    ("examples", msg("Misclassified examples"), examples),
    ("calibration", msg("Calibration and decision rules"), calibration),
    ("diagnosis", msg("What the curves say"), diagnosis),
    ("data", msg("Data"), data),
    ("networks", msg("Networks"), networks),
    ("opened", msg("Inside the network"), opened),
    ("recipe", msg("Recipe"), recipe),
    ("optimism", msg("Had the test set chosen"), optimism),
    ("reproducibility", msg("Reproducibility"), reproducibility),
    ("failures", msg("Failures"), failures),
)


def all_sections(material: Material) -> tuple[Section, ...]:
    """Every section, in the order of the page; that of the search where there was one."""
    sections = [each for each in SECTIONS if each[0] != "search" or material.search]
    return tuple(Section(name, tr(title), make(material), _note(name, material)) for name, title, make in sections)


def _note(section: str, material: Material) -> str:
    """What a section with a part for each cell leaves out of a study with very many."""
    n, of = len(material.shown.cells), len(material.result.cells)
    if n == of:
        return ""
    if section == "comparisons":
        return tr(
            "Of so many comparisons the clearest are shown, with the contexts of the best cells; the files in tables "
            "have them all."
        )
    if section in ("table", "figure", "confusion", "calibration", "recipe", "optimism"):
        return tr("The best {n} of {cells}; the files in tables have them all.", n=n, cells=count(of, "cell"))
    if section == "curves":
        return tr(
            "The curves of the best of {cells}, and of what differs from them in one factor.", cells=count(of, "cell")
        )
    return ""
