"""How `paribus data audit` shows what it found."""

import sys
from collections.abc import Sequence

from paribus.cli.terminal import say, show_table
from paribus.data.words import SHOWN
from paribus.record import DataAudit

_BAR = 24
"""Characters of the bar of the largest class."""


def show_audit(audit: DataAudit, class_names: Sequence[str], notes: Sequence[str]) -> None:
    """Print counts and shares by class and part with a bar for each class's training part, formats and findings."""
    show_table(*count_table(audit, class_names, "█" if sys.stdout.isatty() else "#"))
    if audit.formats:
        show_table(["files", "format"], [[f"{n:,}", name] for name, n in audit.formats.items()])
    for note in notes:
        say(f"Note: {note}")
    for finding in audit.findings:
        say(f"{finding.name}: {finding.text}")
        more = ", …" if finding.n > len(finding.examples) == SHOWN else ""
        say(f"  {', '.join(finding.examples)}{more}")
    if not audit.findings:
        say("Nothing found to complain of.")


def count_table(audit: DataAudit, class_names: Sequence[str], block: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of text, a row for each class and one for the total.

    Args:
        audit: its counts are shown.
        class_names: in the order of the counts.
        block: the character that bars are made of.
    """
    header = ["class", *(cell for part in audit.counts for cell in (part, "%")), ""]
    totals = {part: sum(counts) for part, counts in audit.counts.items()}
    bars = audit.counts["train"]
    rows = []
    for label, name in enumerate(class_names):
        cells = [f(counts[label], totals[part]) for part, counts in audit.counts.items() for f in (_count, _share)]
        rows.append([name, *cells, block * round(_BAR * bars[label] / max(bars))])
    rows.append(["all", *(cell for n in totals.values() for cell in (_count(n, n), "")), ""])
    return header, rows


def _count(n: int, _: int) -> str:
    return f"{n:,}"


def _share(n: int, total: int) -> str:
    return f"{n / total:.1%}".removesuffix("%")
