"""What generators would feed beyond their limits: nobody measures it, so room is made and one sees whether it comes."""

from __future__ import annotations

from config.assets import PvPlant, WindTurbine
from config.site import Site
from controller.image import Snapshot
from dispatch.plan import Plan

AT_ITS_LIMIT = 0.97
"""A generator above this share of its limit is held back by it: inverters settle within a few percent below."""
SETTLES_S = 3.0
"""A generator that stays below its limit for so long is free: what it feeds is what there is."""
LOOKS_AGAIN_S = 60.0
"""One that was free is taken to be so for a minute, though its limit may touch what it feeds: the limit follows it."""
STEP_SHARE = 0.1
"""Of a generator's rating, what room is made for at a time: if it does not come, that much was imported for a while."""


class HeldBack:
    """Remembers when each generator was last seen below its limit."""

    def __init__(self, site: Site) -> None:
        generators: dict[str, PvPlant | WindTurbine] = {**site.of_kind(PvPlant), **site.of_kind(WindTurbine)}
        self._rated_kw = {name: each.rated_kw for name, each in generators.items() if site.setpoint(name) is not None}
        self._below_since_s: dict[str, float] = {}
        self._free_s: dict[str, float] = {}

    def update(self, snapshot: Snapshot, plan: Plan | None) -> float:
        """What all of them together are likely to feed more if they may, by the plan's forecast, in kW."""
        step = None if plan is None else plan.step_at(snapshot.at)
        if plan is None or step is None:
            return 0.0
        held_kw = 0.0
        for name, rated_kw in self._rated_kw.items():
            planned = plan.assets.get(name)
            power_kw = snapshot.power_kw(name)
            if planned is None or planned.available_kw is None or power_kw is None or self._is_free(snapshot, name):
                continue
            more_kw = float(planned.available_kw[step]) - power_kw
            held_kw += min(max(more_kw, 0.0), STEP_SHARE * rated_kw)
        return held_kw

    def _is_free(self, snapshot: Snapshot, name: str) -> bool:
        """Whether it feeds what there is, now or a short time ago."""
        now_s, power_kw = snapshot.monotonic_s, snapshot.power_kw(name)
        point = snapshot.site.setpoint(name)
        assert point is not None
        assert point.setpoint is not None
        limit_kw = snapshot.value(name, point.setpoint.read_back)
        if power_kw is None or limit_kw is None or limit_kw >= min(self._rated_kw[name], point.setpoint.high):
            self._below_since_s.pop(name, None)
            return True
        if power_kw >= AT_ITS_LIMIT * limit_kw:
            self._below_since_s.pop(name, None)
            return now_s - self._free_s.get(name, float("-inf")) < LOOKS_AGAIN_S
        if now_s - self._below_since_s.setdefault(name, now_s) >= SETTLES_S:
            self._free_s[name] = now_s
        return True
