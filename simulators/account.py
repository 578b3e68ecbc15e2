"""What flowed through an asset since the start: the numbers that the ledger audits."""

from __future__ import annotations

from collections.abc import Mapping
from operator import sub
from typing import NamedTuple


class Account(NamedTuple):
    """Energies of one asset in kWh. All but `stored_kwh` are counters and never fall.

    Fed is towards the bus of the carrier, used is from it. A chiller feeds cold, a cooling load uses it; hydrogen
    counts with its lower heating value.
    """

    electricity_fed_kwh: float = 0.0
    electricity_used_kwh: float = 0.0
    heat_fed_kwh: float = 0.0
    heat_used_kwh: float = 0.0
    steam_fed_kwh: float = 0.0
    steam_used_kwh: float = 0.0
    cooling_fed_kwh: float = 0.0
    cooling_used_kwh: float = 0.0
    hydrogen_fed_kwh: float = 0.0
    hydrogen_used_kwh: float = 0.0
    gas_kwh: float = 0.0
    """Gas burnt, lower heating value."""
    lost_kwh: float = 0.0
    """What a store gave to its surroundings, or a converter could not turn into anything of use."""
    curtailed_kwh: float = 0.0
    """What a running generator could have fed and did not."""
    unserved_kwh: float = 0.0
    """What a load wanted and did not get."""
    stored_kwh: float = 0.0

    def since(self, before: Account) -> Account:
        """What happened after `before`; `stored_kwh` becomes the change."""
        return Account(*map(sub, self, before))


class Tally(NamedTuple):
    """The accounts of a plant at one time."""

    accounts: dict[str, Account]
    """By asset."""
    surplus_kwh: Mapping[str, float]
    """By bus: energy that nobody took, thrown away; counters."""
    inertia_kwh: float = 0.0
    """What rotating machines gave in the moment before an island went dark; a counter."""
