"""The live pages: a real server, a study that runs in another process, and a browser that looks on."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARIBUS = str(Path(sys.executable).with_name("paribus"))
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`paribus serve` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = [PARIBUS, "serve", str(folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.process.stdout.read()
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def get(self, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def json(self, path: str):
        status, text = self.get(path)
        assert status == 200, text
        return json.loads(text)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
        return self.process.returncode


def write_study(folder: Path, eeg_file: Path, epochs: int) -> Path:
    path = folder / "live.yaml"
    path.write_text(
        "name: live\nquestion: Which <b>activation</b>?\nbaseline:\n"
        f"  data: {{source: npz, path: {eeg_file}}}\n"
        f"  model: {{name: eegnet}}\n  train: {{epochs: {epochs}, batch_size: 16}}\n"
        "factors:\n  activation: {path: model.activation, levels: [relu, elu]}\nseeds: 2\n"
    )
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory, eeg_file):
    """A folder with a finished run, and its server."""
    folder = tmp_path_factory.mktemp("serve")
    study = write_study(folder, eeg_file, 3)
    subprocess.run(
        [PARIBUS, "run", str(study), "--jobs", "1", "--out", str(folder / "runs/done")], check=True, capture_output=True
    )
    (folder / "runs/nothing here").mkdir()
    (folder / "secret.txt").write_text("secret")
    server = Server(folder / "runs")
    yield folder, server
    assert server.stop() in (0, 130, -signal.SIGINT)


def test_the_list_and_a_run(runs):
    _, server = runs
    (one,) = server.json("/api")
    assert (one["key"], one["name"], one["planned"], one["finished"], one["failed"]) == ("done", "live", 4, 4, 0)
    assert one["report"]
    assert one["running"] == []
    cells = server.json("/api/run/done")["cells"]
    assert [cell["label"] for cell in cells] == ["relu", "elu"]
    assert [cell["n_seeds"] for cell in cells] == [2, 2]
    assert cells[0]["epochs"] == [1, 2, 3]
    assert "<title>" in server.get("/")[1]
    assert "Which activation?" not in server.get("/run/done")[1], "it comes as text, later"
    status, report = server.get("/run/done/report/index.html")
    assert status == 200
    assert "Which &lt;b&gt;activation" in report


def test_only_what_is_new_is_sent(runs):
    _, server = runs
    first = server.json("/api/run/done")
    assert "cells" not in server.json(f"/api/run/done?seen={first['token']}")
    assert "cells" in server.json("/api/run/done?seen=other")


def test_odd_names_and_links_that_lead_out(runs):
    folder, server = runs
    odd, store = folder / "runs" / "a~b <i>", folder / "runs/done/store.sqlite"
    strange = os.fsencode(folder / "runs") + b"/caf\xe9"
    try:
        odd.mkdir()
        shutil.copy(store, odd)
        (odd / "report").symlink_to("/etc")
        os.mkdir(strange)
        shutil.copy(store, os.path.join(strange, b"store.sqlite"))
        listed = server.json("/api")
        assert len({one["key"] for one in listed}) == 3
        key = next(one["key"] for one in listed if one["name"] == "live" and one["key"] != "done")
        assert server.get(f"/run/{key}")[0] == 200
        keys = [one["key"] for one in listed if one["key"] != "done"]
        assert all(server.get(f"/run/{one}/report/hostname")[0] == 404 for one in keys)
        assert server.get("/run/done/report/%00")[0] == 404
    finally:
        shutil.rmtree(odd)
        shutil.rmtree(strange)


def test_a_run_folder_itself_is_served(runs):
    folder, _ = runs
    server = Server(folder / "runs/done")
    try:
        assert [one["key"] for one in server.json("/api")] == ["done"]
    finally:
        server.stop()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_other_hosts_are_refused(runs, host):
    _, server = runs
    assert server.get("/api", host=host or " ")[0] == 400


@pytest.mark.parametrize(
    "path",
    [
        "/run/done/report/../../../secret.txt",
        "/run/done/report/..%2f..%2f..%2fsecret.txt",
        "/run/done/report/%2e%2e/store.sqlite",
        "/run/done/report//etc/passwd",
        "/run/..%2f..%2fetc",
        "/run/nothing here".replace(" ", "%20"),
        "/api/run/none",
        "/run/done/report/",
    ],
)
def test_nothing_outside_a_report_is_given(runs, path):
    _, server = runs
    status, text = server.get(path)
    assert status == 404
    assert "secret" not in text


def test_it_is_read_only(runs):
    _, server = runs
    assert server.get("/api", method="POST")[0] == 405
    assert server.get("/run/done", method="DELETE")[0] == 405


def test_a_study_in_another_process_is_shown_as_it_goes(runs, eeg_file, tmp_path):
    from report.browser import FLAGS, chromium

    playwright = pytest.importorskip("playwright.sync_api")
    path, (folder, server) = chromium(), runs
    study = write_study(tmp_path, eeg_file, 4000)
    out = folder / "runs/going"
    running = subprocess.Popen(
        [PARIBUS, "run", str(study), "--jobs", "1", "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + PATIENCE
        while not (out / "live.jsonl").exists() or '"row"' not in (out / "live.jsonl").read_text():
            assert time.monotonic() < until
            assert running.poll() is None
            time.sleep(0.02)
        told = time.monotonic()
        while not server.json("/api/run/going")["running"]:
            assert time.monotonic() - told < 2, "seconds until it is shown"
        assert {one["key"] for one in server.json("/api")} == {"done", "going"}
        with playwright.sync_playwright() as started:
            browser = started.chromium.launch(executable_path=path, args=FLAGS)
            page = browser.new_page(viewport={"width": 1100, "height": 800})
            errors = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.get_by_role("link", name="live").first.wait_for()
            page.goto(f"http://127.0.0.1:{server.port}/run/going")
            page.locator("#live-running li").wait_for()
            assert page.locator("#live-question").inner_text() == "Which <b>activation</b>?"
            first = page.locator("#live-running li").inner_text()
            page.locator("#explorer .canvas svg path[stroke^='#']").first.wait_for()
            page.wait_for_function(
                "before => document.querySelector('#live-running li').innerText !== before", arg=first, timeout=10_000
            )
            if shots := os.environ.get("PARIBUS_SHOTS"):
                page.screenshot(path=f"{shots}/live.png", full_page=True)
            assert [e for e in errors if "favicon" not in e] == []
            browser.close()
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(30)
        shutil.rmtree(out, ignore_errors=True)


def test_a_port_that_is_taken_and_a_folder_that_is_not_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = subprocess.run([PARIBUS, "serve", str(tmp_path), "--port", port], capture_output=True, text=True)
    assert result.returncode == 2
    assert f"port {port} cannot be used" in result.stderr
    result = subprocess.run([PARIBUS, "serve", str(tmp_path / "none")], capture_output=True, text=True)
    assert result.returncode == 2
    assert "no run folder at" in result.stderr
    assert "Traceback" not in result.stderr
