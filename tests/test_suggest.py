import pytest

from paribus.suggest import did_you_mean, from_known, nearest


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("x_tset", ("x", "y", "x_test", "y_test"), "x_test"),
        ("X", ("x", "y"), "x"),
        ("selfregulationspc1", ("Blink", "SelfRegulationSCP1"), "SelfRegulationSCP1"),
        ("zebra", ("x", "y"), None),
        ("x", (), None),
    ],
)
def test_nearest(given: str, known: tuple[str, ...], meant: str | None) -> None:
    assert nearest(given, known) == meant
    assert did_you_mean(given, known) == (f" (did you mean `{meant}`?)" if meant else "")


def test_from_known() -> None:
    assert from_known("adm", ["adam", "sgd"]) == "; did you mean `adam`? Known: adam, sgd"
    assert from_known(7, ["adam", "sgd"]) == "; known: adam, sgd"
    assert from_known("x", []) == "; known: none"
