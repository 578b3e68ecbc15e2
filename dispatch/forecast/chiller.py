"""The compression chiller's coefficient of performance at full load from the temperatures."""

from __future__ import annotations

import numpy as np

from dispatch.plan import FloatArray

RATED_OUTDOOR_DEGC = 35.0
"""Data sheets of air-cooled chillers count from here."""
CONDENSER_K = 12.0
LEAST_OUTDOOR_DEGC = 15.0
"""Fans keep the condenser at least this warm, for the sake of the expansion valve."""
ZERO_DEGC_K = 273.15


def chiller_cop(rated_cop: float, supply_degc: float, outdoor_degc: FloatArray) -> FloatArray:
    """COP = COP_rated * carnot(T_out) / carnot(35 degC),   carnot(T_out) = T_supply / (T_out + CONDENSER_K - T_supply)

    Same shape as the outdoor temperatures; the Carnot factor's supply temperature in kelvin.
    """
    rated_lift_k = max(RATED_OUTDOOR_DEGC + CONDENSER_K - supply_degc, 1.0)
    lift_k = np.maximum(np.maximum(outdoor_degc, LEAST_OUTDOOR_DEGC) + CONDENSER_K - supply_degc, 1.0)
    return np.asarray(rated_cop * rated_lift_k / lift_k, dtype=np.float64)
