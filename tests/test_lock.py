"""The lock holds every package that paribus asks for, at the versions of constraints.txt, each with hashes."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, tuple[str, list[str]]]:
    """Name -> version and hashes."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if match := re.fullmatch(r"([a-z0-9-]+)==(\S+) \\", line):
            name = match[1]
            found[name] = match[2], []
        elif match := re.fullmatch(r" {4}--hash=sha256:([0-9a-f]{64})(?: \\)?", line):
            found[name][1].append(match[1])
        else:
            assert line.startswith("#"), line
    return found


def test_pins_agree_and_have_hashes() -> None:
    lock = locked()
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {plain(name): version for name, _, version in (line.partition("==") for line in lines) if version}
    assert {name: lock.get(name, ("missing",))[0] for name in pins} == pins, "run scripts/lock"
    assert all(hashes for _, hashes in lock.values())
    assert {"pip", "setuptools"} <= set(lock), "what installs and builds is checked as well"


def test_packages_of_other_platforms_are_there() -> None:
    """numpy for Linux, macOS and Windows, on four Pythons; what PyTorch needs for CUDA; colours on Windows."""
    lock = locked()
    assert len(lock["numpy"][1]) > 12
    assert {"colorama", "triton", "nvidia-cublas"} <= set(lock)


def test_all_that_is_asked_for_is_locked() -> None:
    for extra in ("", "dev", "hub", "serve"):
        command = [sys.executable, str(ROOT / "scripts" / "needs"), extra]
        asked = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert {"torch", "pydantic"} <= set(asked)
        assert ("pytest" in asked) == (extra == "dev")
        assert ("mkdocstrings[python]" in asked) == (extra == "dev"), "with the extras of others"
        assert {plain(name.partition("[")[0]) for name in asked} <= set(locked())


def test_an_extra_that_is_none_is_refused() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "needs"), "typo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no extra `typo`: give one of cluster, dev, docs, export" in done.stderr
