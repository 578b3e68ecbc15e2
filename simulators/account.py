"""What flowed through an asset since the start: the numbers that the ledger audits."""

from __future__ import annotations

from operator import sub
from typing import NamedTuple


class Account(NamedTuple):
    """Energies of one asset in kWh. All but `stored_kwh` are counters and never fall.

    Fed is towards the bus of the carrier, used is from it.
    """

    electricity_fed_kwh: float = 0.0
    electricity_used_kwh: float = 0.0
    heat_fed_kwh: float = 0.0
    heat_used_kwh: float = 0.0
    gas_kwh: float = 0.0
    """Gas burnt, lower heating value."""
    stored_kwh: float = 0.0
    lost_kwh: float = 0.0
    """Heat that a store gave to its surroundings."""
    curtailed_kwh: float = 0.0
    """What a running generator could have fed and did not."""
    unserved_kwh: float = 0.0
    """Heat that a load wanted and did not get."""

    def since(self, before: Account) -> Account:
        """What happened after `before`; `stored_kwh` becomes the change."""
        return Account(*map(sub, self, before))


class Tally(NamedTuple):
    """The accounts of a plant at one time."""

    accounts: dict[str, Account]
    """By asset."""
    surplus_heat_kwh: float
    """Heat that nobody took, thrown away; a counter."""
