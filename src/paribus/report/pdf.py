"""The report as a PDF, printed by headless Chromium."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from paribus.errors import RunError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PATIENCE = 120.0
"""Seconds."""


def print_pdf(page: Path) -> Path:
    """Print a page beside itself; returns the path of the PDF.

    Raises:
        RunError: there is no Chromium, or it does not print.
    """
    browser = next((path for path in map(shutil.which, NAMES) if path), None)
    if browser is None:
        raise RunError(
            "a PDF is printed by Chromium (or Chrome), and none is on the PATH: install it, as with "
            "`apt-get install chromium`, or open the page in a browser and print it there"
        )
    target = page.with_suffix(".pdf")
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            f"--user-data-dir={profile}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={target.resolve()}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RunError(f"{browser} could not print {page}: {error}") from None
    if not target.exists():
        last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        raise RunError(f"{browser} could not print {page}: {last}")
    return target
