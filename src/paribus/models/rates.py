"""Dropout rates: one for all places, or one a place."""

from paribus.errors import ModelError
from paribus.spec import Rates


def rates_of(network: str, given: Rates, places: str, n: int) -> tuple[float, ...]:
    """One rate for each of n places.

    Raises:
        ModelError: there are neither one nor n.
    """
    rates = (given,) * n if isinstance(given, int | float) else tuple(given)
    if len(rates) != n:
        wanted = "one rate" if n == 1 else f"one rate, or {n}"
        raise ModelError(f"model.dropout of {network} must be {wanted}: one for {places}; got {len(rates)}")
    return rates
