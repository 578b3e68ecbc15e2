"""The park as an island: a grid-forming battery stands in the place of the grid. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from config.assets import Battery
from controller.image import Snapshot
from controller.limits import Limit, Limits

ISLAND = "island"
HEADROOM = 0.1
"""Share of its powers that the forming battery keeps for the next step of a load or a cloud: nobody else takes it."""
TAPER_SOC = 0.1
"""How near to the edge of its window loads give way to what is left in it, and generators to what still fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """What holds the island, all forming batteries together."""

    power_kw: float
    """What they give, + for discharge: what the park takes beyond what it makes."""
    most_discharge_kw: float
    """What they may be asked for so that they last."""
    most_charge_kw: float
    soc: float

    @property
    def limits(self) -> Limits:
        """They take the place of the connection's limits."""
        state = f"as an island, at SOC {self.soc:.0%}"
        return Limits(
            Limit(self.most_discharge_kw, ISLAND, f"the battery gives {self.most_discharge_kw:.0f} kW {state}"),
            Limit(self.most_charge_kw, ISLAND, f"the battery takes {self.most_charge_kw:.0f} kW {state}"),
            {},
        )


def breaker_open(snapshot: Snapshot) -> bool:
    """Whether the breaker of the connection shows that it is open; a site without such a point never is an island."""
    return snapshot.value(snapshot.site.grid[0], "breaker_closed") == 0.0


def forms(battery: Battery, name: str, snapshot: Snapshot) -> bool:
    """Whether a battery holds the island now."""
    return battery.grid_forming and snapshot.available(name)


def island_of(snapshot: Snapshot) -> Island | None:
    """What holds the park without the grid; None where nothing does."""
    forming = {name: unit for name, unit in snapshot.site.of_kind(Battery).items() if forms(unit, name, snapshot)}
    power_kw = discharge_kw = charge_kw = stored_kwh = 0.0
    for name, battery in forming.items():
        soc, own_kw = snapshot.value(name, "soc"), snapshot.power_kw(name)
        assert soc is not None, "an available battery shows its state of charge"
        assert own_kw is not None, "and its power"
        power_kw += own_kw
        stored_kwh += soc * battery.capacity_kwh
        discharge_kw += (1 - HEADROOM) * battery.max_discharge_kw * _left((soc - battery.soc_min) / TAPER_SOC)
        charge_kw += (1 - HEADROOM) * battery.max_charge_kw * _left((battery.soc_max - soc) / TAPER_SOC)
    if not forming:
        return None
    capacity_kwh = sum(battery.capacity_kwh for battery in forming.values())
    return Island(
        power_kw=power_kw,
        most_discharge_kw=discharge_kw,
        most_charge_kw=charge_kw,
        soc=stored_kwh / capacity_kwh,
    )


def _left(share: float) -> float:
    return min(1.0, max(0.0, share))
