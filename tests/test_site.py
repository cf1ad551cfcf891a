"""The hook that makes a site of docs/; that the site has no broken link is for scripts/check."""

import importlib.util
import re
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MkDocs
        spec = importlib.util.spec_from_file_location("site_hook", ROOT / "scripts" / "site.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def turned(site: ModuleType, page: str, text: str) -> str:
    return site.on_page_markdown(text, SimpleNamespace(file=SimpleNamespace(src_uri=page)), None, None)


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("README.md", "docs/statistics.md", "statistics.md"),
        ("README.md", "benchmarks/calibration", "benchmarks/calibration/README.md"),
        ("statistics.md", "../benchmarks/rules", "benchmarks/rules/README.md"),
        ("faq.md", "statistics.md#other-figures", "statistics.md#other-figures"),
        ("benchmarks/rules/README.md", "../../docs/faq.md", "../../faq.md"),
        ("faq.md", "../README.md#set-up", "README.md#set-up"),
        ("faq.md", "no-such-page.md", "no-such-page.md"),
        ("faq.md", "https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_links_are_turned(site: ModuleType, page: str, link: str, expected: str) -> None:
    assert turned(site, page, f"a [b]({link}) c") == f"a [b]({expected}) c"


def test_pictures_are_turned_and_code_is_left(site: ModuleType) -> None:
    text = '<img src="docs/images/answer.png">\n\n```\n[b](docs/faq.md)\n```\n`[b](docs/faq.md)` [b](docs/faq.md)'
    expected = '<img src="images/answer.png">\n\n```\n[b](docs/faq.md)\n```\n`[b](docs/faq.md)` [b](faq.md)'
    assert turned(site, "README.md", text) == expected


def test_formulas_become_mathml(site: ModuleType) -> None:
    html = r'<p><span class="arithmatex">\(a &lt; \frac12\)</span></p><div class="arithmatex">\[x^2\]</div>'
    drawn = site.on_page_content(html, None, None, None)
    assert "arithmatex" not in drawn
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in re.sub(r"</?mrow>", "", drawn)
    assert "&lt;" in drawn or "&#x0003C;" in drawn
    assert 'display="block"' in drawn
