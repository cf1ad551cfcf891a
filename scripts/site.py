"""A hook of MkDocs: pages are written to be read in the repository, and read the same in the site.

What pages link to outside docs/ comes into the site too, under its path in the repository: Markdown as pages, all else
as files. Links are turned to where that is. Formulas become MathML, which browsers draw without a script.
"""

import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
HOME = "README.md"
LINK = re.compile(r'(?P<before>\]\(|\b(?:src|href)=")(?P<path>[^)"\s#:]+)(?P<after>#[^)"\s]*)?(?=[)"])')
CODE = re.compile(r"(^ *```.*?^ *```|`[^`\n]+`)", re.M | re.S)
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.S)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is linked, and what that links, beginning at the README and the pages of docs/."""
    todo = [HOME, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    seen = set(todo)
    while todo:
        path = todo.pop()
        if not path.startswith("docs/"):
            files.append(File.generated(config, _in_site(path), abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            text = (ROOT / path).read_text(encoding="utf-8")
            linked = [_target(path, match["path"]) for match in LINK.finditer(CODE.sub("", text))]
            todo += (new := {each for each in linked if each and each not in seen})
            seen |= new
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links from place to place in the site, outside code."""
    own = page.file.src_uri
    path = own if own in (HOME, "SECURITY.md") or not (ROOT / "docs" / own).is_file() else f"docs/{own}"

    def turned(match: re.Match[str]) -> str:
        target = _target(path, match["path"])
        if target is None:
            return match[0]
        way = posixpath.relpath(_in_site(target), posixpath.dirname(own) or ".")
        return f"{match['before']}{way}{match['after'] or ''}"

    return "".join(part if CODE.fullmatch(part) else LINK.sub(turned, part) for part in CODE.split(markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Formulas as MathML."""

    def drawn(match: re.Match[str]) -> str:
        tex = match[3].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        return convert(tex, display="block" if match[2] == "[" else "inline")

    return FORMULA.sub(drawn, html)


def _target(path: str, link: str) -> str | None:
    """The file of the repository that a link in a file of it leads to; None where there is none."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    if (ROOT / target).is_dir():
        target = posixpath.join(target, "README.md")
    return target if not target.startswith("..") and (ROOT / target).is_file() else None


def _in_site(path: str) -> str:
    return path.removeprefix("docs/")
