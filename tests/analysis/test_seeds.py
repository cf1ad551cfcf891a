"""Spread between seeds."""

import numpy as np
import pytest
from scipy.stats import chi2

from conformance.build import make_planned, make_records, make_study
from paribus.analysis.seeds import deviation
from paribus.analysis.study import analyse
from paribus.report.tables import spreads_table
from paribus.spec import STREAMS


def test_interval_of_a_standard_deviation() -> None:
    values = [0.8, 0.82, 0.79, 0.85, 0.81]
    found = deviation(values)
    variance = np.var(values, ddof=1)
    assert found.mean == pytest.approx(variance**0.5)
    assert found.low == pytest.approx((4 * variance / chi2.ppf(0.975, 4)) ** 0.5)
    assert found.high == pytest.approx((4 * variance / chi2.ppf(0.025, 4)) ** 0.5)


def test_shares_of_what_everything_together_does() -> None:
    study = make_study(
        factors={"chance": {"levels": {"all": {"vary": list(STREAMS)}, "init": {"vary": ["init"]}}}}, seeds=3
    )
    planned = make_planned(study)
    result = analyse(study, planned, make_records(planned, [0.7, 0.8, 0.9, 0.75, 0.8, 0.85], n_test=40), [])
    assert [(one.label, one.streams) for one in result.spreads] == [("all", STREAMS), ("init", ("init",))]
    assert [one.deviation.mean for one in result.spreads] == pytest.approx([0.1, 0.05])
    assert [one.share.mean for one in result.spreads] == pytest.approx([1.0, 0.25])
    rows = spreads_table(result).rows
    assert [row[1] for row in rows] == ["all", "init"]
    # 0.25 over the quantiles of F with 2 and 2 degrees: x / (1 + x) = 0.975 and 0.025.
    assert rows[1][-3:] == pytest.approx((0.25, 0.25 / 39, 0.25 * 39))


def test_one_seed_has_no_spread() -> None:
    study = make_study(seeds=1)
    planned = make_planned(study)
    result = analyse(study, planned, make_records(planned, [0.7, 0.8]), [])
    assert result.spreads == ()
    assert spreads_table(result).rows == ()
