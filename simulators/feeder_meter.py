"""The meter of a feeder: what the assets on it take together, less what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.feeder import Feeder
from config.points import NEEDS
from simulators.account import Account
from simulators.model import Model, Seat, Wired, moved_by_its_bus


class FeederMeter:
    """It sees the powers at the end of a step; its line loses nothing."""

    def __init__(self, spec: Feeder, kinds: Mapping[str, str], others: Callable[[str], Model]) -> None:
        self.spec = spec
        self._towards = {name: -NEEDS[kinds[name]].direction("electricity") for name in spec.feeds}
        self._others = others

    def account(self) -> Account:
        return Account()

    def points(self) -> dict[str, float]:
        power_kw = reactive_kvar = 0.0
        for name, direction in self._towards.items():
            shown = self._others(name).points()
            power_kw += direction * shown["active_power_kw"]
            reactive_kvar += shown.get("reactive_power_kvar", 0.0)
        return {"active_power_kw": power_kw, "reactive_power_kvar": reactive_kvar}


def wire_feeder(spec: Feeder, seat: Seat) -> Wired:
    return moved_by_its_bus(FeederMeter(spec, seat.kinds, seat.others))
