"""Downloads, from a server of the tests' own on this machine."""

import hashlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paribus.data import fetch as fetch_module
from paribus.data.fetch import download, fetch
from paribus.errors import DataError

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Serves CONTENT: /whole (with ranges), /plain (without), /cut (ends half way), /gone (404)."""

    def __init__(self) -> None:
        served = self.served = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.append((self.path, self.headers.get("Range")))
                start = 0
                if self.path == "/gone":
                    self.send_error(404)
                    return
                if self.path == "/whole" and (asked := self.headers.get("Range")):
                    start = int(asked.removeprefix("bytes=").removesuffix("-"))
                    if start >= len(CONTENT):
                        self.send_error(416)
                        return
                    self.send_response(206)
                else:
                    self.send_response(200)
                body = CONTENT[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def quiet(_done: int, _total: int | None) -> None:
    pass


def test_download_with_progress(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = download(f"{server.url}/whole", tmp_path / "new" / "a.bin", md5=MD5, progress=lambda *a: told.append(a))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert [path.name for path in path.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("where", ["whole", "plain"])
def test_a_download_goes_on_where_it_stopped(server: Server, tmp_path: Path, where: str) -> None:
    """Where the server cannot, it starts again."""
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    told: list[int] = []
    path = download(f"{server.url}/{where}", tmp_path / "a.bin", md5=MD5, progress=lambda done, _: told.append(done))
    assert path.read_bytes() == CONTENT
    assert server.served == [(f"/{where}", "bytes=1000-")]
    assert told[-1] == len(CONTENT)


def test_a_whole_part_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    assert download(f"{server.url}/whole", tmp_path / "a.bin", md5=MD5, progress=quiet).read_bytes() == CONTENT


def test_a_connection_that_ends_keeps_what_came(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot reach .*What has come is kept"):
        download(f"{server.url}/cut", tmp_path / "a.bin", md5=MD5, progress=quiet)
    assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin.part").read_bytes() == CONTENT[: len(CONTENT) // 2]
    assert download(f"{server.url}/whole", tmp_path / "a.bin", md5=MD5, progress=quiet).read_bytes() == CONTENT


def test_what_is_not_what_it_should_be_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"MD5 {MD5} instead of {'0' * 32}"):
        download(f"{server.url}/whole", tmp_path / "a.bin", md5="0" * 32, progress=quiet)
    assert list(tmp_path.iterdir()) == []


def test_errors_in_words(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="answered 404"):
        download(f"{server.url}/gone", tmp_path / "a.bin", md5=None, progress=quiet)
    with socket.socket() as free:  # a port where nobody listens
        free.bind(("127.0.0.1", 0))
        with pytest.raises(DataError, match=r"cannot reach .* is there a network\?"):
            download(f"http://127.0.0.1:{free.getsockname()[1]}/", tmp_path / "a.bin", md5=None, progress=quiet)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="name another folder with --to"):
        download(f"{server.url}/whole", tmp_path / "file" / "a.bin", md5=None, progress=quiet)


def packed(names: list[str]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    return file.getvalue()


def test_cifar10_is_unpacked_where_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path))
    batches = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    content = packed([f"cifar-10-batches-py/{name}" for name in batches])
    half = tmp_path / "downloads" / "cifar-10-batches-py"  # as an earlier fetch by hand may have left it
    half.mkdir(parents=True)
    (half / "data_batch_2").write_bytes(b"old")

    def fake(url: str, target: Path, *, md5: str | None, progress: object) -> Path:
        assert url.startswith("https://www.cs.toronto.edu/")
        assert md5 == "c58f30108f718f92721af3b95e74349a"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    monkeypatch.setattr(fetch_module, "download", fake)
    told = fetch("cifar10", None, quiet)
    assert sorted(path.name for path in half.iterdir()) == sorted(batches)
    assert (half / "data_batch_2").read_bytes() == b"abc"
    assert "paribus finds it there" in told
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == ["cifar-10-batches-py"]
    assert fetch("cifar10", None, quiet) == told, "the second time there is nothing to do"


@pytest.mark.parametrize("content", [b"no archive", packed(["../evil"]), packed(["other/file"])])
def test_archives_that_are_not_what_they_should_be(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch_module.unpack(tmp_path / "a.tar.gz", tmp_path, "cifar-10-batches-py")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cifar", "no data set `cifar` to fetch.*did you mean `cifar10`"),
        ("fer2013", "cannot be downloaded without an account: get it from Kaggle"),
        ("hub:", "no data set `hub:`"),
    ],
)
def test_names(name: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        fetch(name, None, quiet)


@pytest.mark.parametrize("name", ["hub:mnist", "aeon:Blink"])
def test_a_folder_cannot_be_chosen_for_what_other_libraries_keep(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="--to cannot be given"):
        fetch(name, tmp_path, quiet)
