"""Text from files and strangers, made fit for a terminal and for keeping."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Of scripts and emoji; they move nothing and hide nothing."""
_HARMLESS = {"Zs", "Cn", "Co"}
"""Kinds of characters that `str.isprintable` refuses and that do nothing to a terminal: spaces, letters too new."""

# The user is whatever stands before a colon; the password reaches to the last @ of its word. A port is no password.
_IN_URL = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:)(?!\d{1,5}(?:[/?][^\s@]*)?(?:[\s'\"]|$))[^@\n]*@(?:[^\s/@'\"]*@)*",
    re.IGNORECASE,
)
_IN_QUERY = re.compile(r"([?&][a-z_]*(?:password|passwd|pwd|secret|token)=)[^&\s'\"]*", re.IGNORECASE)


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text without what would move a terminal's cursor, colour it, or turn the direction of reading.

    Escape sequences, control characters, lone surrogates and marks of direction are written as escapes (``\x1b``).

    Args:
        text: of anybody.
        lines: leave line ends and tabs as they are; else all stands on one line.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter, lines) else ascii(letter)[1:-1] for letter in text)


def _is_harmless(letter: str, lines: bool) -> bool:
    if letter.isprintable() or letter in _JOINERS or (lines and letter in "\n\t"):
        return True
    return unicodedata.category(letter) in _HARMLESS


def hide_password(text: str) -> str:
    """Text with the passwords of URLs in it as ``***``: ``postgresql://me:secret@host/db``, ``…?password=secret``.

    Where it is not clear how far a password goes, rather too much is hidden.
    """
    return _IN_QUERY.sub(r"\1***", _IN_URL.sub(r"\g<before>***@", text))


def holds_password(text: str) -> bool:
    """Whether there is a URL with a password in it."""
    return hide_password(text) != text
