"""What is done without a plan: supply is made by the state of the stores of its bus, the cheaper source first."""

from __future__ import annotations

from config.asset import carrier_of
from controller.bounds import Bound, Priority, exactly
from controller.deciding.standing import Level

FIRST_ON_BELOW, BACKUP_ON_BELOW = 0.45, 0.25
"""States of the stores at which the cheaper source starts, and the one that only backs it up."""
THERMOSTAT_BAND = 0.15
"""Hysteresis of the state, an hour or so of a park's demand: a compressor may start a few times a day."""


def thermostat(level: Level | None, bus: str, most_kw: float, *, on_below: float, running: bool) -> Bound:
    """A bus without a store that can be read is supplied always."""
    store, made = store_word(bus), "cold" if bus == "cooling" else carrier_of(bus)
    if level is None:
        reason = f"no plan and no {store}: {made} is made"
    elif level.soc is None:
        reason = f"no plan and the {store} cannot be read: {made} is made"
    else:
        switch = on_below + THERMOSTAT_BAND if running else on_below
        reason = f"no plan: {store} at {level.soc:.0%}, {'off above' if running else 'on below'} {switch:.0%}"
        return exactly("local default", Priority.LOCAL, most_kw if level.soc < switch else 0.0, reason)
    return exactly("local default", Priority.LOCAL, most_kw, reason)


def store_word(bus: str) -> str:
    """What people call a store of a bus."""
    return "cold store" if bus == "cooling" else "tank"
