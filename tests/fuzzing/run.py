"""Makes inputs, reads them, counts what comes of it."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from fuzzing.formats import FORMATS, Format
from paribus.errors import ParibusError

SECONDS_EACH = 30
"""An input that takes longer hangs."""


class Hangs(BaseException):
    """Not to be caught by anybody who reads."""


@dataclass
class Tally:
    """What came of the inputs."""

    read: Counter[str] = field(default_factory=Counter)
    """format -> files that were taken."""
    refused: Counter[str] = field(default_factory=Counter)
    """format -> files that were refused in words."""
    failed: dict[str, list[str]] = field(default_factory=dict)
    """Where and how -> numbers of inputs."""
    slowest: tuple[float, str] = (0.0, "")

    @property
    def n(self) -> int:
        return self.read.total() + self.refused.total() + sum(map(len, self.failed.values()))


def fuzz(seed: int, numbers: Iterator[int] | range, seconds: float, only: str | None = None) -> Tally:
    """Read spoilt files.

    Args:
        seed: of all of them.
        numbers: of the inputs.
        seconds: to stop after.
        only: one format.
    """
    tally, started = Tally(), time.monotonic()
    names = [only] if only else list(FORMATS)
    shares = [FORMATS[name].share for name in names]
    with tempfile.TemporaryDirectory(prefix="paribus-fuzz-") as scratch, _apart(Path(scratch)):
        for number in numbers:
            if time.monotonic() - started > seconds:
                break
            r = random.Random(f"{seed}/{number}")
            name = r.choices(names, shares)[0]
            folder = Path(scratch) / "input"
            folder.mkdir()
            _one(FORMATS[name], name, number, r, folder, tally)
            shutil.rmtree(folder)
            if number % 500 == 0:  # what was taken is kept there
                shutil.rmtree(Path(scratch) / "cache", ignore_errors=True)
    return tally


def _one(form: Format, name: str, number: int, r: random.Random, folder: Path, tally: Tally) -> None:
    path = folder / form.ending
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those that spoil
        form.make(r, path)
    before = time.monotonic()
    signal.alarm(SECONDS_EACH)
    try:
        form.read(path)
        tally.read[name] += 1
    except ParibusError as error:
        str(error).encode("utf-8", "backslashreplace")
        tally.refused[name] += 1
    except (Exception, Hangs) as error:
        frames = [
            f
            for f in traceback.extract_tb(error.__traceback__)
            if "paribus" in f.filename and "tests" not in f.filename
        ]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        tally.failed.setdefault(f"{name}: {type(error).__name__} at {where}: {str(error)[:160]!a}", []).append(
            str(number)
        )
    finally:
        signal.alarm(0)
    took = time.monotonic() - before
    tally.slowest = max(tally.slowest, (took, f"{name}, number {number}"))
    if (folder / "evil").exists() or Path("evil").exists():
        tally.failed.setdefault(f"{name}: RAN CODE", []).append(str(number))


@contextlib.contextmanager
def _apart(scratch: Path) -> Iterator[None]:
    """In a folder and with a cache of its own; warnings are errors, as in the tests."""

    def hangs(_: int, __: FrameType | None) -> None:
        raise Hangs(f"more than {SECONDS_EACH} s")

    before, cache, handler = Path.cwd(), os.environ.get("PARIBUS_CACHE"), signal.signal(signal.SIGALRM, hangs)
    os.environ["PARIBUS_CACHE"] = str(scratch / "cache")
    os.chdir(scratch)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        os.chdir(before)
        signal.signal(signal.SIGALRM, handler)
        del os.environ["PARIBUS_CACHE"]
        if cache is not None:
            os.environ["PARIBUS_CACHE"] = cache
