"""Which assets do not do what they were told, though their devices take the setpoint: seen in measured power."""

from __future__ import annotations

from config.assets import Battery
from controller.guard import GuardState
from controller.image import Snapshot

TOLERANCE = 0.05
"""Share of a battery's rating that measured and set power may differ: converters settle within a few percent."""
PATIENCE_S = 10.0
"""Real seconds that a battery has to reach a setpoint: its ramp, its dead time and a cycle or two."""


class Following:
    """Remembers since when each battery has been off its setpoint."""

    def __init__(self) -> None:
        self._off_since_s: dict[str, float] = {}

    def update(self, snapshot: Snapshot, told: GuardState) -> dict[str, str]:
        """The batteries that have not followed for too long, and in what; `told` is what they were told last.

        Other assets need no such watch: generators may always stay below their limit, and what heat makers do
        less than they were told the tank shows.
        """
        lagging: dict[str, str] = {}
        for name, battery in snapshot.site.dispatched_of(Battery).items():
            power_kw, held = snapshot.power_kw(name), told.get(name)
            if power_kw is None or held is None or not self._is_off(battery, power_kw, held.setpoint_kw):
                self._off_since_s.pop(name, None)
                continue
            since_s = self._off_since_s.setdefault(name, snapshot.monotonic_s)
            passed_s = snapshot.monotonic_s - since_s
            if passed_s >= PATIENCE_S:
                lagging[name] = f"told {held.setpoint_kw:.0f} kW, measured {power_kw:.0f} kW for {passed_s:.0f} s"
        return lagging

    @staticmethod
    def _is_off(battery: Battery, power_kw: float, setpoint_kw: float) -> bool:
        rating_kw = max(battery.max_charge_kw, battery.max_discharge_kw)
        return abs(power_kw - setpoint_kw) > TOLERANCE * rating_kw
