"""Consent to run the code of others, which a study or a checkpoint may name: networks, and functions that augment."""

import os
from collections.abc import Iterable
from pathlib import Path

VARIABLE = "PARIBUS_ALLOW_IMPORT"
"""Set to 1 it consents for all that this process reads; for scripts and notebooks."""


def allowed(given: bool) -> bool:
    """Whether importing is allowed, by an argument or by ``$PARIBUS_ALLOW_IMPORT``."""
    return given or os.environ.get(VARIABLE, "").strip().lower() in ("1", "true", "yes")


def what_it_runs(names: Iterable[str]) -> str:
    """What using this code does, in a sentence.

    Args:
        names: as ``package.module:name``, at least one.
    """
    names = sorted(set(names))
    modules = sorted({name.split(":")[0] for name in names})
    return (
        f"this names code not of paribus, {', '.join(names)}: using it "
        f"imports {', '.join(modules)} (from {Path.cwd()} or what is installed) and runs the code there"
    )
