"""Ray clusters of several nodes on this machine: each node is a `ray start` that listens on 127.0.0.1 alone."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

MARK = "PARIBUS_TEST_NODE"
"""Variable of the environment that tells the processes of a node, or of a program, from all others."""
PROMPT = {
    "RAY_raylet_report_resources_period_milliseconds": "10",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
}
"""Nodes tell the head sooner that they are free, as trials here are far shorter than in earnest; and it asks them more
often whether they live. The dead refuse at once, the slow still have ten seconds for each answer."""
RAY = f"""\
#!{sys.executable}
# The command `ray`, for which this machine has no address but 127.0.0.1: `--node-ip-address` would not do.
import sys
import ray._private.services as services
services.get_node_ip_address = lambda *_: "127.0.0.1"
from ray.scripts.scripts import main
sys.exit(main())
"""


def variables(folder: Path) -> dict[str, str]:
    """Of the environment of all processes of a cluster: nobody but they can join it, and nothing is reported."""
    path = folder / "token"
    if not path.exists():
        path.write_text(uuid.uuid4().hex)
    return {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}


def write_command(folder: Path) -> Path:
    """A command `ray` in a folder, for `PATH`."""
    path = folder / "ray"
    path.write_text(RAY)
    path.chmod(0o755)
    return path


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def marked(mark: str) -> list[int]:
    """Processes that have the mark, zombies apart."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # it has ended
                continue
    return found


def kill(mark: str) -> None:
    """All processes that have the mark, at once, as a power cut does."""
    for _ in range(100):  # a process may start another meanwhile
        left = marked(mark)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"processes {marked(mark)} cannot be killed")


def listening(mark: str) -> set[str]:
    """Addresses, as /proc/net has them, on which these processes listen."""
    inodes = set()
    for pid in marked(mark):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same in IPv6, and ::1, as /proc/net has them."""


def wait_until(condition: Callable[[], object], what: Callable[[], str] = str, seconds: float = 120) -> None:
    """Fail when it takes longer, and say what there is instead."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


class Cluster:
    """A head without cores, and nodes to which tasks go. To be closed; it also ends when this program does.

    Attributes:
        variables: of the environment, for programs that use it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.command = folder, write_command(folder)
        self.address = f"127.0.0.1:{free_port()}"
        self.variables = {**variables(folder), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        self.nodes: list[str] = []
        self._marks: list[str] = []
        self._started: list[subprocess.Popen[bytes]] = []
        # Nodes that share a folder take each other's sockets; and the path of a socket may not be long.
        self._places = Path(tempfile.mkdtemp(prefix="paribus-", dir="/tmp"))
        port = self.address.split(":")[1]
        try:
            self.head = self._start(
                "--head", f"--port={port}", "--include-dashboard=false", "--no-monitor", "--num-cpus=0"
            )
            self.wait_for(self.head)
        except BaseException:
            self.close()
            raise

    def add(self, **environment: str) -> str:
        """A node of one core, which joins within seconds; its mark.

        Args:
            environment: its own variables.
        """
        self.nodes.append(self._start(f"--address={self.address}", "--num-cpus=1", **environment))
        return self.nodes[-1]

    def wait_for(self, *marks: str) -> None:
        """Until these have started."""
        for mark in marks:
            log = self.folder / f"{mark}.log"
            wait_until(lambda log=log: "will now block" in log.read_text(), lambda log=log: log.read_text())

    def kill(self, mark: str) -> None:
        """A node, as a power cut does."""
        kill(mark)
        self.nodes.remove(mark)

    def close(self) -> None:
        for mark in self._marks:
            kill(mark)
        for process in self._started:
            process.wait()
        shutil.rmtree(self._places)

    def _start(self, *options: str, **environment: str) -> str:
        mark = uuid.uuid4().hex
        self._marks.append(mark)
        place = self._places / mark[:8]
        # `setpriv`: a node ends also with a test process that was killed
        command = ["setpriv", "--pdeathsig", "TERM", self.command, "start", "--block", "--disable-usage-stats"]
        command += ["--min-worker-port=0", "--max-worker-port=0", "--include-log-monitor=false", f"--temp-dir={place}"]
        with (self.folder / f"{mark}.log").open("wb") as log:
            self._started.append(
                subprocess.Popen(
                    [*command, "--object-store-memory=100000000", *options],
                    env={**os.environ, **variables(self.folder), **PROMPT, MARK: mark, **environment},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return mark
