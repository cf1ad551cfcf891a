import pytest

from paribus.data.suggest import did_you_mean, nearest


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
