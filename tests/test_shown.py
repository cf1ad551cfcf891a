"""Text of strangers, fit for a terminal; passwords, fit for nobody."""

import pytest
from sqlalchemy import make_url

from paribus.shown import hide_password, holds_password, printable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("happy", "happy"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b2J", "\\x9b2J"),  # the one-byte form of the same
        ("a\rb\x08c\x07", "a\\rb\\x08c\\x07"),
        ("two\nlines\tand", "two\\nlines\\tand"),
        ("gro\u00df \u00b7 \u6f22\u5b57 \U0001f600", "gro\u00df \u00b7 \u6f22\u5b57 \U0001f600"),
        ("1\u00a0000", "1\u00a0000"),
        ("\u202egnp.exe", "\\u202egnp.exe"),  # would be read from right to left
        ("\u2066x", "\\u2066x"),
        ("half \ud800", "half \\ud800"),
        ("\u2028", "\\u2028"),
        ("\U0001f469\u200d\U0001f52c", "\U0001f469\u200d\U0001f52c"),
    ],
)
def test_printable(given: str, shown: str) -> None:
    assert printable(given) == shown
    shown.encode("utf-8")


def test_lines_are_kept_where_asked_for() -> None:
    assert printable("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"


@pytest.mark.parametrize("password", ["secret", "s:e/c?r", "p@ss@word", "%40%2F", "8080/x", "se cret"])
@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "HTTPS"])
def test_passwords_of_urls(password: str, scheme: str) -> None:
    for before in ("", "--store=", "cannot reach "):
        text = f"{before}{scheme}://me:{password}@db.example:5432/results?sslmode=require"
        assert hide_password(text) == f"{before}{scheme}://me:***@db.example:5432/results?sslmode=require"
        assert holds_password(text)
        assert hide_password(hide_password(text)) == hide_password(text)


def test_it_hides_what_sqlalchemy_takes_for_the_password() -> None:
    for url in ("postgresql://u:a/b@h/d", "postgresql://u:a@b@h/d", "postgresql://:p@h/d", "mysql://u:'q'@h"):
        assert make_url(url).password
        assert make_url(hide_password(url)).password == "***"


def test_passwords_in_queries() -> None:
    assert hide_password("postgresql://h/d?user=me&password=x%20y&a=1") == "postgresql://h/d?user=me&password=***&a=1"
    assert hide_password("https://h/?access_token=abc") == "https://h/?access_token=***"


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8321 (Ctrl-C ends it)",
        "http://localhost:8321/run/x and mail to me@example.org",
        "postgresql://me@host/db",
        "sqlite:///runs/paribus.db",
        "paribus run study.yaml --set data.path=C:/x",
        "user:name@host",
    ],
)
def test_what_holds_no_password_is_left_alone(text: str) -> None:
    assert hide_password(text) == text
    assert not holds_password(text)
