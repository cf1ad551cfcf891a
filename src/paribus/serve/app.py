"""The pages: a list of studies, each with its progress and curves as they grow, and its report. Read-only."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paribus.errors import RunError
from paribus.live import Follower
from paribus.report.html import STATIC, TEMPLATES, environment
from paribus.serve.state import curves, runs_in, summary
from paribus.store.place import no_run_at

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOSTS = ["127.0.0.1", "localhost", "[::1]"]
"""Other names in a request's Host header are refused: a page elsewhere must not read from here."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'"
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
"""A report may come from elsewhere: it runs apart, and can ask this server nothing."""


def make_app(folder: Path) -> "Starlette":
    """The application.

    Args:
        folder: a run folder, or one that holds runs; looked through anew at each request.

    Raises:
        RunError: the extra `serve` is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import FileResponse, HTMLResponse, JSONResponse
        from starlette.routing import Route
    except ImportError:
        raise RunError("`paribus serve` needs its extra: pip install 'paribus[serve]'") from None

    followers: dict[Path, Follower] = {}

    def follower(path: Path) -> Follower:
        return followers.setdefault(path, Follower(path))

    def run_of(request: "Request") -> Path:
        path = runs_in(folder).get(request.path_params["key"])
        if path is None:
            raise HTTPException(404, "no such run")
        return path

    def page(template: str, **values: Any) -> "Response":
        style = (TEMPLATES / "style.css").read_text("utf-8")
        script = (STATIC / "explorer.js").read_text("utf-8") + (STATIC / "live.js").read_text("utf-8")
        html = environment().get_template(template).render(style=style, script=script, **values)
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})

    def listing(request: "Request") -> "Response":
        return page("live_list.html", folder=_readable(folder))

    def listing_values(request: "Request") -> "Response":
        return JSONResponse([{"key": key, **summary(path, follower(path))} for key, path in runs_in(folder).items()])

    def one(request: "Request") -> "Response":
        path = run_of(request)
        return page("live_run.html", key=request.path_params["key"], path=_readable(path))

    def one_values(request: "Request") -> "Response":
        path = run_of(request)
        follow = follower(path)
        told = summary(path, follow)
        with follow.lock:
            trials = follow.look()
            # The curves only where there are new ones: of a large study they are a megabyte.
            fresh = {} if request.query_params.get("seen") == follow.token else {"cells": curves(trials)}
            return JSONResponse({**told, **fresh, "token": follow.token})

    def report_file(request: "Request") -> "Response":
        path = run_of(request).resolve()
        home = (path / "report").resolve()
        try:
            wanted = (home / request.path_params["file"]).resolve()
            there = home.is_relative_to(path) and wanted.is_relative_to(home) and wanted.is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            raise HTTPException(404, "no such file")
        headers = {"Content-Security-Policy": REPORT_POLICY, "X-Content-Type-Options": "nosniff"}
        return FileResponse(wanted, headers=headers)

    return Starlette(
        routes=[
            Route("/", listing),
            Route("/api", listing_values),
            Route("/run/{key}", one),
            Route("/api/run/{key}", one_values),
            Route("/run/{key}/report/{file:path}", report_file),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
    )


def _readable(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


def serve(folder: Path, port: int, ready: Callable[[], None] = lambda: None) -> None:
    """Serve on 127.0.0.1 until interrupted.

    Args:
        folder: as for `make_app`.
        port: to listen on.
        ready: called when nothing stands in the way.

    Raises:
        RunError: the extra is not installed, the folder does not exist, or the port is taken.
    """
    import socket

    if not folder.is_dir():
        raise RunError(no_run_at(folder))
    app = make_app(folder)
    import uvicorn

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RunError(f"port {port} cannot be used: {error.strerror}; choose another with --port") from None
    ready()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
