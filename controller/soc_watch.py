"""Whether a battery's state of charge goes with the energy that went in and out: it may be frozen, or jump."""

from __future__ import annotations

from dataclasses import dataclass

from config.assets import Battery
from controller.image import Snapshot

IMPLAUSIBLE_SOC = 0.05
"""Difference that counts: more than efficiencies, self-use and the steps of a battery's own count make in an hour."""
FORGETS_S = 3600.0
"""How fast the counted state comes back to the one that is shown, so that small errors do not add up for ever."""
LONGEST_STEP_S = 60.0
"""Between two looks further apart the power is unknown: counting begins anew."""


@dataclass(slots=True)
class _Count:
    soc: float
    power_kw: float
    at_s: float


class SocWatch:
    """Counts what each battery should hold, from its measured power."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def update(self, snapshot: Snapshot) -> dict[str, str]:
        """The batteries whose state of charge cannot be right, and why."""
        found = {}
        for name, battery in snapshot.site.of_kind(Battery).items():
            soc, power_kw = snapshot.value(name, "soc"), snapshot.power_kw(name)
            if soc is None or power_kw is None:
                self._counts.pop(name, None)
                continue
            before = self._counts.get(name)
            passed_s = 0.0 if before is None else snapshot.site_s - before.at_s
            if before is None or not 0.0 <= passed_s <= LONGEST_STEP_S:
                self._counts[name] = _Count(soc, power_kw, snapshot.site_s)
                continue
            counted = before.soc + _change(battery, (before.power_kw + power_kw) / 2.0, passed_s)
            counted += (soc - counted) * passed_s / FORGETS_S
            self._counts[name] = _Count(counted, power_kw, snapshot.site_s)
            if abs(soc - counted) > IMPLAUSIBLE_SOC:
                found[name] = f"SOC {soc:.1%} is shown, {counted:.1%} by the energy that went in and out"
        return found


def _change(battery: Battery, power_kw: float, seconds: float) -> float:
    """By how much the state of charge changes."""
    kw = power_kw / battery.discharge_efficiency if power_kw > 0.0 else power_kw * battery.charge_efficiency
    return -kw * seconds / 3600.0 / battery.capacity_kwh
