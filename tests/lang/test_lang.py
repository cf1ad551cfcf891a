"""Which language is spoken, and how a message is filled in."""

import pytest

from paribus.analysis.words import count, join, stop
from paribus.errors import ParibusError
from paribus.lang import current, language, resolve, tr
from paribus.report.svg import width_of


def test_english_unless_asked_otherwise() -> None:
    assert tr("{n} failed", n=3) == "3 failed"
    assert current().tag == "en"
    with language("zh-TW"):
        assert current().tag == "zh-Hant-TW"
        assert tr("{n} failed", n=3) == "3 次失敗"
        assert tr("a message that nobody has translated, of {n}", n=1).endswith("of 1")
        with language("en"):
            assert tr("{n} failed", n=3) == "3 failed"
        assert tr("finished") == "已完成"
    assert tr("finished") == "finished"


def test_values_are_never_formats() -> None:
    with language("zh-TW"):
        assert tr("{cell}: {said}", cell="{n}", said="{") == "{n}：{"


def test_counts_and_lists() -> None:
    assert count(1, "seed") == "1 seed"
    assert (join(["a"]), join(["a", "b"]), join(["a", "b", "c"]), join([])) == ("a", "a and b", "a, b and c", "")
    with language("zh-TW"):
        assert count(1, "seed") == "1 個種子"
        assert count(1797, "test example") == "1,797 個測試樣本"
        assert join(["a", "b", "c"]) == "a、b、c"
        assert stop("x") == "x。"


def test_a_language_is_found_in_any_case_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARIBUS_LANG", raising=False)
    assert resolve(None) == "en"
    assert resolve("ZH_tw") == "zh-TW"
    monkeypatch.setenv("PARIBUS_LANG", "zh-TW")
    assert resolve(None) == "zh-TW"
    assert resolve("en") == "en", "what is asked for goes before the environment"
    monkeypatch.setenv("PARIBUS_LANG", "")
    assert resolve(None) == "en"


def test_an_unknown_language_is_told_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParibusError, match=r"^no language `fr`; known: en, zh-TW$"):
        resolve("fr")
    monkeypatch.setenv("PARIBUS_LANG", "de")
    with pytest.raises(ParibusError, match=r"no language `de` \(\$PARIBUS_LANG\)"):
        resolve(None)


def test_chinese_is_wider() -> None:
    assert width_of("準確率") == pytest.approx(30)
    assert width_of("abc") == pytest.approx(17.4)
    assert width_of("a準") == pytest.approx(15.8)
