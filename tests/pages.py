"""Pages of docs/ followed as a reader does: files are saved under the names they give, commands run in a shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
NAME = re.compile(r"# ([\w-]+\.\w+)\n")


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, content) of each block of a page."""
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def follow(page: str, folder: Path) -> str:
    """All that the commands of a page print; each must succeed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed = ""
    for language, content in blocks(page):
        if language in ("python", "yaml") and (name := NAME.match(content)):
            (folder / name[1]).write_text(content, encoding="utf-8")
        elif language == "sh":
            done = subprocess.run(
                ["bash", "-euc", content],
                cwd=folder,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout
    return printed


def shown(page: str) -> list[str]:
    """The lines of output on a page that hold no result: each run of the page's commands prints them."""
    lines = [line for language, content in blocks(page) if language == "text" for line in content.splitlines()]
    return [line for line in lines if line.strip() and "%" not in line and line != "..." and "(optional)" not in line]
