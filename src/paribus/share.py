"""Processes and machines that work on one study: each trial is leased to one of them at a time."""

import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from paribus.errors import RunError, StoreError
from paribus.record import PlannedTrial
from paribus.store.base import Store

OWNERS = "owners"
"""Folder, inside a run folder, of a lock file for each process that works there."""
LEASE_SECONDS = 60.0
"""A process that was silent for so long has lost its trials. Where its lock file tells that it is dead, at once."""
LOOK_SECONDS = 2.0
"""Between two looks at what others have done."""


@contextmanager
def owner(out: Path, store: Store) -> Iterator[str]:
    """The name of this process among those that share a store. Its leases are kept meanwhile, and given up after.

    Args:
        out: the run folder.
        store: with the leases.
    """
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    lock = FileLock(_lock_path(out, name))
    (out / OWNERS).mkdir(parents=True, exist_ok=True)
    lock.acquire(timeout=0)
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(LEASE_SECONDS / 4):
            with suppress(StoreError):  # the run itself will meet it, and tell
                store.leases.keep(name, LEASE_SECONDS)

    thread = threading.Thread(target=keep, name="leases", daemon=True)
    thread.start()
    try:
        yield name
    finally:
        ended.set()
        thread.join()
        with suppress(StoreError):
            store.leases.release(name)
        with suppress(OSError):
            _lock_path(out, name).unlink()
        lock.release()


def share(
    out: Path, store: Store, name: str, trials: Sequence[PlannedTrial], elsewhere: Callable[[int], None]
) -> Iterator[int | None]:
    """Places of the trials that are this process's to run now, one at a time, in order; None while others have all.

    Args:
        out: the run folder.
        store: with the leases.
        name: of this process (`owner`).
        trials: none of which has a record yet.
        elsewhere: told of the place of a trial that another process has finished, or seen fail, since.
    """
    left = {trial.trial_id: place for place, trial in enumerate(trials)}
    failed_before = store.failed(left)
    free: deque[str] = deque()
    looked = -LOOK_SECONDS
    while True:
        while free:
            trial_id = free.popleft()
            if trial_id in store.leases.claim([trial_id], name, LEASE_SECONDS):
                if store.failed([trial_id]) - failed_before:
                    store.leases.release(name, [trial_id])
                else:
                    yield left.pop(trial_id)
        if not left:
            return
        if time.monotonic() < looked + LOOK_SECONDS:
            yield None
            continue
        looked = time.monotonic()
        for trial_id in store.finished(left) | (store.failed(left) - failed_before):
            elsewhere(left.pop(trial_id))
        _bury(out, store, set(store.leases.held(left).values()) - {name})
        held = store.leases.held(left)
        free.extend(trial_id for trial_id in left if trial_id not in held)


def alone(out: Path, store: Store, name: str, what: str, key: str) -> None:
    """Be the one process that does something that cannot be shared, until it ends.

    Args:
        out: the run folder.
        store: with the leases.
        name: of this process (`owner`).
        what: it does, in words.
        key: of the lease, which is no trial's id.

    Raises:
        RunError: another process does it.
    """
    _bury(out, store, set(store.leases.held([key]).values()) - {name})
    if not store.leases.claim([key], name, LEASE_SECONDS):
        other = store.leases.held([key]).get(key, "another process")
        raise RunError(
            f"{what} is one process's work, and {other} is at it: wait for it, or give one process more --jobs "
            f"(if it was killed on another machine, its claim ends within {LEASE_SECONDS:g} s)"
        )


def at_work(out: Path, store: Store, trial_ids: Iterable[str]) -> bool:
    """Whether a process works in a run folder, or anywhere on one of these trials.

    Of a process of this machine its number tells; of another's its leases, which end a while after it does.

    Args:
        out: the run folder.
        store: with the leases.
        trial_ids: of the study.
    """
    holders = store.leases.held(trial_ids).values()
    here = (path.stem for path in (out / OWNERS).glob("*.lock"))
    return any(_lives(name) is not False for name in holders) or any(_lives(name) for name in here)


def may_work(out: Path, name: str) -> bool:
    """Whether an owner still works in a run folder, for all that this machine can tell."""
    return _lock_path(out, name).exists() and _lives(name) is not False


def _lives(name: str) -> bool | None:
    """Whether the process of an owner does; None where it is another machine's."""
    host, _, rest = name.rpartition("-")[0].rpartition("-")
    if host != socket.gethostname() or not rest.isdecimal():
        return None
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _bury(out: Path, store: Store, names: Iterable[str]) -> None:
    """Take the leases of processes that have worked in this folder and are no more."""
    for name in names:
        path = _lock_path(out, name)
        if not path.exists():  # of another folder or machine: its leases end by themselves
            continue
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        store.leases.release(name)
        with suppress(OSError):
            path.unlink()
        lock.release()


def _lock_path(out: Path, name: str) -> Path:
    return out / OWNERS / f"{name}.lock"
