"""What leases of every store must do. Subclass and give the fixtures ``place``, ``database`` and ``store``."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest

from conformance.build import make_failure, make_record
from paribus.store import Store, open_store
from paribus.store.database import Clock, Database
from paribus.store.leases import SqlLeases

CLAIMS = """
import sys, time
from paribus.store import open_store
place, owner, seconds, wanted = sys.argv[1:]
with open_store(place) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    ids = [f"t{i}" for i in range(int(wanted))]
    while ids:
        given = store.leases.claim(ids[:3], owner, float(seconds))
        print(*given, flush=True)
        ids = ids[3:]
    sys.stdin.readline()
"""
"""A process that claims trials, three at a time, and holds them until it is told to end."""


def claimer(place: str, owner: str, seconds: float, wanted: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLAIMS, place, owner, str(seconds), str(wanted)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


class LeasesConformance:
    def test_a_trial_has_one_owner(self, store: Store) -> None:
        claim = store.leases.claim
        assert claim(["a", "b"], "one", 60) == {"a", "b"}
        assert claim(["b", "c", "c"], "two", 60) == {"c"}
        assert claim(["a", "b", "c"], "one", 60) == {"a", "b"}  # again: they last longer
        assert claim([], "one", 60) == frozenset()
        assert store.leases.held(["a", "b", "c", "d"]) == {"a": "one", "b": "one", "c": "two"}

    def test_what_is_finished_is_not_given(self, store: Store) -> None:
        store.add(make_record("done"), make_failure("failed"))
        assert store.leases.claim(["done", "failed", "new"], "one", 60) == {"failed", "new"}
        store.add(make_record("new"))
        store.leases.release("one")
        assert store.leases.claim(["done", "failed", "new"], "two", 60) == {"failed"}

    def test_release(self, store: Store) -> None:
        store.leases.claim(["a", "b", "c"], "one", 60)
        store.leases.claim(["d"], "two", 60)
        store.leases.release("one", ["a", "d"])
        assert store.leases.held("abcd") == {"b": "one", "c": "one", "d": "two"}
        store.leases.release("one")
        assert store.leases.held("abcd") == {"d": "two"}
        assert store.leases.claim("abcd", "three", 60) == set("abc")

    def test_a_lease_ends(self, store: Store) -> None:
        store.leases.claim(["a", "b"], "one", 0.3)
        assert store.leases.claim(["a"], "two", 60) == frozenset()
        time.sleep(0.35)
        assert store.leases.held("ab") == {}
        assert store.leases.claim(["a"], "two", 60) == {"a"}
        assert store.leases.keep("one", 60) == {"b"}  # it learns that it lost a
        assert store.leases.held("ab") == {"a": "two", "b": "one"}

    def test_a_lease_that_is_kept_does_not_end(self, store: Store) -> None:
        store.leases.claim(["a"], "one", 0.6)
        for _ in range(4):
            time.sleep(0.25)
            assert store.leases.keep("one", 0.6) == {"a"}
            assert store.leases.claim(["a"], "two", 60) == frozenset()
        assert store.leases.keep("nobody", 60) == frozenset()

    def test_kept_by_a_thread_while_another_adds(self, store: Store) -> None:
        store.leases.claim(["a"], "one", 60)
        kept: list[frozenset[str]] = []
        thread = Thread(target=lambda: kept.extend(store.leases.keep("one", 60) for _ in range(20)))
        thread.start()
        for i in range(20):
            store.add(make_record(f"t{i}"))
        thread.join()
        assert kept == [{"a"}] * 20

    def test_processes_claim_at_once(self, place: str, store: Store) -> None:
        running = [claimer(place, f"owner{i}", 60, 60) for i in range(4)]
        for process in running:  # all are ready: now
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        given = [process.communicate("\n", timeout=60)[0].split() for process in running]
        assert [process.returncode for process in running] == [0] * 4
        everything = [trial for own in given for trial in own]
        assert sorted(everything) == sorted(f"t{i}" for i in range(60))  # each once
        assert store.leases.held(everything) == {t: f"owner{i}" for i, own in enumerate(given) for t in own}

    def test_a_dead_owner(self, place: str, store: Store) -> None:
        process = claimer(place, "other", 1.5, 3)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert len(process.stdout.readline().split()) == 3
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        process.stdin.close()
        process.stdout.close()
        assert store.leases.claim(["t0"], "me", 60) == frozenset()
        time.sleep(1.6)
        assert store.leases.claim(["t0", "t1", "t2"], "me", 60) == {"t0", "t1", "t2"}

    # ---------------------------------------------------------------- clocks

    def test_setting_the_clock_of_this_machine_changes_nothing(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.leases.claim(["a"], "one", 0.3)
        for wrong in (0.0, 4e9):
            monkeypatch.setattr(time, "time", lambda wrong=wrong: wrong)
            assert store.leases.claim(["a"], "two", 60) == frozenset()
        time.sleep(0.35)
        assert store.leases.claim(["a"], "two", 60) == {"a"}

    @pytest.mark.parametrize("then", [Clock("clock", 3.0, 0.0), Clock("another", 9999.0, 0.0)])
    def test_a_clock_that_goes_back_or_is_another(self, database: Database, store: Store, then: Clock) -> None:
        """The end cannot be read then: an owner that gives signs keeps its trial, one that is silent loses it."""
        clock = Clock("clock", 1000.0, 0.0)

        def at(which: Callable[[], Clock]) -> SqlLeases:
            return SqlLeases(replace(database, clock=lambda _: which()))

        one, two = at(lambda: clock), at(lambda: then)
        assert one.claim(["a"], "one", 0.4) == {"a"}
        for _ in range(4):
            assert two.claim(["a"], "two", 60) == frozenset()
            time.sleep(0.2)
            clock = replace(clock, now=clock.now + 0.2)
            one.keep("one", 0.4)
        assert two.claim(["a"], "two", 60) == frozenset()
        time.sleep(0.5)
        assert two.claim(["a"], "two", 60) == {"a"}

    def test_what_ran_out_while_the_store_was_out_of_reach(self, database: Database, store: Store) -> None:
        """As when a server was down for longer than leases are: its owners live, and get the time to say so."""
        clock = Clock("clock", 1000.0, 0.0)
        leases = SqlLeases(replace(database, clock=lambda _: clock))
        leases.claim(["a", "b"], "one", 60)
        clock = Clock("clock", 5000.0, 4990.0)
        assert leases.claim(["a"], "two", 60) == frozenset()
        leases.release("one", ["b"])
        clock = Clock("clock", 5051.0, 4990.0)
        assert leases.claim(["a"], "two", 60) == {"a"}

    def test_leases_survive_closing(self, place: str, store: Store) -> None:
        store.leases.claim(["a"], "one", 60)
        store.close()
        with open_store(place) as again:
            assert again.leases.claim(["a"], "two", 60) == frozenset()
            assert again.leases.keep("one", 60) == {"a"}
        with open_store(place, read_only=True) as reader:
            assert reader.leases.held(["a"]) == {"a": "one"}
