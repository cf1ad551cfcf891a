"""A PostgreSQL server for tests: Debian's, installed where it is missing and can be, with a data folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "s3cr3t-Wörd/with@signs"
USER = "me"


class Server:
    """A server on 127.0.0.1 that a test may stop and start again."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="paribus-test-postgresql-"))
        self.data = self.folder / "data"
        # the server refuses to run as root
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self.folder, "postgres", "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = self.folder / "password"
        words.write_text(PASSWORD)
        self._run("initdb", "-U", USER, f"--pwfile={words}", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "-N")
        self.n_databases = 0

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -F"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-m", how, "stop")

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def connect(self, database: str = "postgres") -> Any:
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database, autocommit=True
        )

    def new_database(self) -> str:
        self.n_databases += 1
        name = f"test{self.n_databases}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, *, password: str | None = PASSWORD, user: str = USER) -> str:
        from sqlalchemy import URL

        url = URL.create("postgresql+psycopg", user, password, "127.0.0.1", self.port, database)
        return url.render_as_string(hide_password=False)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.data), *arguments]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, check=False, timeout=120, **self._as)
        assert done.returncode == 0, f"{program} failed: see {self.folder}"


def programs() -> Path:
    """The folder of the server's programs; skips the test where it is not there and cannot be installed."""
    if not _found() and shutil.which("apt-get") and os.geteuid() == 0:
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "postgresql"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(install, env=environment, check=False, **quiet).returncode:
            subprocess.run(["apt-get", "update", "-q"], check=False, **quiet)
            subprocess.run(install, env=environment, check=False, **quiet)
    found = _found()
    if not found:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    return found[-1]


def _found() -> list[Path]:
    in_path = [Path(found).parent] if (found := shutil.which("initdb")) else []
    debian = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return sorted(debian, key=lambda path: int(path.parent.name)) or in_path
