"""The data of a study: what they hold, what was found in them, what was left out of training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paribus.analysis.words import PART_WORDS, percent
from paribus.lang import msg, tr
from paribus.lang.retell import retold
from paribus.record import DataSummary, Finding
from paribus.report.figures import slug
from paribus.report.svg import Picture, element, picture, short, shortened, width_of, words
from paribus.report.table import Column, Table

BAR, LINE = 260.0, 17.0
"""Length of the longest bar and height of a line, in points."""
_REASONS = {
    "constant": msg("{n} constant"),
    "conflicting": msg("{n} with exact copies of another class in training"),
    "cross_split_duplicates": msg("{n} with exact copies in validation or test"),
    "duplicates": msg("{n} surplus exact copies"),
    "limit": msg("{n} by data.limit"),
}


@dataclass(frozen=True, slots=True)
class DataGroup:
    """One set of data and all that the report says of it."""

    first: DataSummary
    table: Table
    formats: tuple[str, ...]
    findings: tuple[Finding, ...]
    dropped: tuple[str, ...]
    leak: str
    """A warning when test images also stand in training; else empty."""
    picture: Picture


def data_groups(summaries: Sequence[DataSummary]) -> tuple[DataGroup, ...]:
    """Each distinct set of data once, whatever the seeds drew of it."""
    groups: dict[tuple[Any, ...], list[DataSummary]] = {}
    for one in summaries:
        key = (one.description, one.kind, one.input_shape, one.class_names, one.sfreq_hz, one.notes, tuple(one.dropped))
        groups.setdefault(key, []).append(one)
    return tuple(_group(i, found) for i, found in enumerate(groups.values(), start=1))


def _group(i: int, found: Sequence[DataSummary]) -> DataGroup:
    first = found[0]
    audit = first.audit
    return DataGroup(
        first=first,
        table=counts_table(found),
        formats=tuple(tr("{format}: {n}", format=retold(name), n=f"{n:,}") for name, n in audit.formats.items())
        if audit
        else (),
        findings=tuple(replace(found, text=retold(found.text)) for found in audit.findings) if audit else (),
        dropped=_dropped(found),
        leak=_leak(first),
        picture=shares_picture(first, slug("classes", str(i), first.description)),
    )


def _leak(one: DataSummary) -> str:
    """Said when copies of test images were trained on."""
    if one.audit is None or "cross_split_duplicates" in one.dropped:
        return ""
    leaks = [
        f for f in one.audit.findings if f.name == "cross_split_duplicates" and "test" in f.text and "train" in f.text
    ]
    if not leaks:
        return ""
    return tr(
        "Test accuracy is flattered by copies. {leak}. Leave such images out of training with {field}.",
        leak=retold(leaks[0].text),
        field="data.drop: [cross_split_duplicates]",
    )


def _dropped(found: Sequence[DataSummary]) -> tuple[str, ...]:
    """How many examples were left out of training, by reason; a range where seeds differ."""
    said = []
    for reason in found[0].dropped:
        counts = [one.dropped[reason] for one in found]
        said.append(tr(_REASONS[reason], n=_span(counts)) if reason in _REASONS else f"{_span(counts)} {reason}")
    return tuple(said)


def _span(values: list[int]) -> str:
    return f"{values[0]:,}" if min(values) == max(values) else f"{min(values):,}–{max(values):,}"


def counts_table(found: Sequence[DataSummary]) -> Table:
    """Examples of each class and part, as trained, validated and tested on; a range where seeds differ."""
    parts = list(found[0].counts)
    rows = [
        (name, *(cell for part in parts for cell in _count_and_share(found, part, k)))
        for k, name in enumerate(found[0].class_names)
    ]
    totals = (tr("all"), *(cell for part in parts for cell in (_span([sum(o.counts[part]) for o in found]), "100.0%")))
    columns = (
        Column(tr("class")),
        *(
            column
            for part in (tr(PART_WORDS[part]) for part in parts)
            for column in (Column(part, "count"), Column(tr("share of {part}", part=part), "count"))
        ),
    )
    return Table("data", tr("Examples of each class."), columns, (*rows, totals))


def _count_and_share(found: Sequence[DataSummary], part: str, k: int) -> tuple[str, str]:
    """Of class k in a part; the share is that of the first seed."""
    counts = found[0].counts[part]
    return _span([one.counts[part][k] for one in found]), percent(counts[k] / max(sum(counts), 1))


def shares_picture(one: DataSummary, name: str) -> Picture:
    """A bar for each class: its share of all examples (R2's question 4)."""
    shares = _shares(one.audit.counts if one.audit else one.counts)
    left = 12 + max(width_of(short(each, 60)) for each in one.class_names)
    most, body = max(shares, default=0) or 1.0, []
    for k, (label, share) in enumerate(zip(one.class_names, shares, strict=True)):
        y = 6 + k * LINE
        body.append(shortened(left - 6, y + 11, label, 60, text_anchor="end"))
        body.append(element("rect", x=left, y=y + 2, width=BAR * share / most, height=LINE - 5, fill="#0072b2", rx=1.5))
        body.append(words(left + BAR * share / most + 5, y + 11, percent(share), font_size=9.5))
    return picture(
        name,
        tr("Share of each class in all parts, before anything was left out"),
        left + BAR + 50,
        10 + len(shares) * LINE,
        body,
    )


def _shares(counts: Mapping[str, Sequence[int]]) -> list[float]:
    sums = [sum(each) for each in zip(*counts.values(), strict=True)]
    return [n / max(sum(sums), 1) for n in sums]
