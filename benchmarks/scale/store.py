"""How fast the store is with many small trials: records a second, and questions to 10,000 of them.

    python benchmarks/scale/store.py [--trials 10000] [--store postgresql+psycopg://USER@HOST/EMPTY_DATABASE]

A record has 2 epochs and predictions of 20 examples each of validation and test. Every record is safe from a power cut
when its `add` returns. The rival is the disk: as many bytes appended to a file and fsync'ed, one at a time, which
no store that keeps the promise can beat with one record a transaction.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from conformance.build import make_planned, make_record, make_study
from paribus.record import PlannedTrial, TrialRecord
from paribus.store import Store, open_store
from paribus.store.place import STORE, parse, remember

BATCH = 50
"""Records a transaction, where several are waiting."""


def records(planned: list[PlannedTrial]) -> Iterator[TrialRecord]:
    """Records with the shared parts made once, so that what is timed is the store."""
    plain = make_record(n_test=20, n_validation=20, epochs=2)
    for trial in planned:
        yield replace(plain, trial_id=trial.trial_id, spec=trial.spec)


@contextmanager
def timed(what: str, n: int = 0) -> Iterator[None]:
    """Print how long something took, or how many a second of it there were."""
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    print(f"| {what} | {f'{n / seconds:,.0f} a second' if n else f'{1000 * seconds:,.0f} ms'} |", flush=True)


def median_of(n: int, what: str, call: Callable[[], object]) -> None:
    seconds = []
    for _ in range(n):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    low, high = min(seconds), max(seconds)
    print(
        f"| {what} | {1000 * statistics.median(seconds):,.0f} ({1000 * low:,.0f} to {1000 * high:,.0f}) ms |",
        flush=True,
    )


def append(folder: Path, n: int, size: int) -> None:
    """The rival."""
    with (folder / "appended").open("wb", buffering=0) as file, timed(f"write and fsync {size} bytes", n):
        for _ in range(n):
            file.write(b"\0" * size)
            os.fsync(file.fileno())


def measure(store: Store, planned: list[PlannedTrial]) -> None:
    one_by_one, together = planned[: len(planned) // 5], planned[len(planned) // 5 :]
    with timed("add, one record a transaction", len(one_by_one)):
        for record in records(one_by_one):
            store.add(record)
    waiting = list(records(together))
    with timed(f"add, {BATCH} records a transaction", len(together)):
        for start in range(0, len(waiting), BATCH):
            store.add(*waiting[start : start + BATCH])
    ids = [trial.trial_id for trial in planned]
    assert len(store.finished(ids)) == len(planned)
    median_of(5, f"finished, of {len(ids)}", lambda: store.finished(ids))
    median_of(5, "latest_study", store.latest_study)
    median_of(5, "claim 8 trials, none free", lambda: store.leases.claim(ids[:8], "me", 60))
    with timed("records, each", len(ids)):
        store.records(ids)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--store", help="an empty PostgreSQL database")
    arguments = parser.parse_args()
    study = make_study(seeds=arguments.trials // 2)
    planned = list(make_planned(study))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{len(planned)} trials, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n| what | |\n|---|---|")
        append(folder, 1000, 6000)
        where = parse(arguments.store) if arguments.store else folder / STORE
        with open_store(where, create=True) as store:
            with timed(f"add_study of {len(planned)} trials"):
                study_id = store.add_study(study, planned, "")
            remember(folder, where, study_id)
            measure(store, planned)
        environment = {**os.environ, **({"PARIBUS_STORE": arguments.store} if arguments.store else {})}
        command = [str(Path(sys.executable).with_name("paribus")), "status", name]
        quiet = subprocess.DEVNULL
        before = os.times()
        median_of(5, "`paribus status`", lambda: subprocess.run(command, env=environment, stdout=quiet, check=True))
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        print(f"| `paribus status`, processor time, mean | {1000 * cpu / 5:,.0f} ms |")


if __name__ == "__main__":
    main()
