"""A thermostat with hysteresis, and what a heat maker does by itself with it."""

from __future__ import annotations


class Thermostat:
    """Calls for heat from the moment the store falls below one level until it rises above another."""

    def __init__(self, on_below_soc: float, off_above_soc: float) -> None:
        self._on_below_soc = on_below_soc
        self._off_above_soc = off_above_soc
        self._calls = False

    def calls(self, soc: float) -> bool:
        """Whether heat is wanted at this level of the store."""
        if soc < self._on_below_soc:
            self._calls = True
        elif soc > self._off_above_soc:
            self._calls = False
        return self._calls


def wanted_kw(thermostat: Thermostat, soc: float | None, full_kw: float, missing_kw: float) -> float:
    """The power that a heat maker takes up by itself: full power on the call of its thermostat.

    Without a store (`soc` None) it follows what the heat bus still misses, `missing_kw` in its own unit, up to full.
    """
    if soc is None:
        return min(missing_kw, full_kw)
    return full_kw if thermostat.calls(soc) else 0.0
