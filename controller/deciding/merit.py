"""What a battery does between two plans: what the optimiser would have done, had it known the measurement."""

from __future__ import annotations

from dataclasses import dataclass

from config.assets import Battery
from controller.deciding.standing import Standing
from controller.tariff_now import EnergyPrices

STIFFNESS = 0.3
"""Share of the horizon's dearest price by which import must be dearer, or cheaper, than what a battery holds for it to
leave its plan by all of its power. Below that it stays near the plan: a marginal value holds for a kWh and not for a
battery full of them. In backtests a sixth of it loses half a percent of what can be saved, a sixtieth 7 %."""
CORRIDOR_SOC = 0.05
"""How far it may leave its planned state before what it holds counts as much more, or as much less, as the horizon's
prices differ: what one interval's usual forecast error amounts to. The next plan takes the rest into account."""
STEPS = 60
"""Halvings that find a power of megawatts to less than a watt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryWorth:
    """What a battery's kWh are worth, and what the grid asks for them.

    The power b minimises  grid(net - b) + battery(b) + s/2 (b - plan)^2  with

        grid(x)     p_import * x for import, p_export * x for export, and nothing for what the export limit would
                    curtail, or curtails now
        battery(b)  (v / eta_d + wear) * b for discharge, v * eta_c * b for charge (b < 0)
        v           what a stored kWh will save, by the plan; more where less is stored than planned
        s           `STIFFNESS` of the dearest price over the rating
    """

    prices: EnergyPrices
    export_limit_kw: float
    stored_per_kwh: float
    given_per_kwh: float
    """What a kWh costs that it gives: what is stored for it, and wear."""
    taken_per_kwh: float
    """What a kWh is worth that it takes."""
    stiffness: float
    """Per kW that it is off its plan."""
    low_kw: float
    high_kw: float

    def best_kw(self, net_kw: float, planned_kw: float) -> tuple[float, str]:
        """The power at which one kW more costs as much as it saves, and why; `net_kw` is what the grid would have to
        give without the battery."""
        low, high = self.low_kw, self.high_kw
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            if self._gain(middle, net_kw, planned_kw) > 0.0:
                low = middle
            else:
                high = middle
        best_kw = round((low + high) / 2.0, 6) + 0.0  # no -0
        return best_kw, self._why(best_kw, net_kw)

    def _gain(self, kw: float, net_kw: float, planned_kw: float) -> float:
        """What one kW more of discharge saves; falls with the power."""
        own = self.given_per_kwh if kw >= 0.0 else self.taken_per_kwh
        return self._grid_per_kwh(net_kw - kw) - own - self.stiffness * (kw - planned_kw)

    def _grid_per_kwh(self, kw: float) -> float:
        """What one kWh more costs, or brings less, at this power of the grid."""
        if kw > 0.0:
            return self.prices.import_per_kwh
        return self.prices.export_per_kwh if kw >= -self.export_limit_kw else min(0.0, self.prices.export_per_kwh)

    def _why(self, best_kw: float, net_kw: float) -> str:
        grid_kw = net_kw - best_kw
        if min(abs(grid_kw), abs(grid_kw + self.export_limit_kw)) < 1.0:
            return "takes up what the park has too much or too little"
        worth = f"stored energy worth {self.stored_per_kwh:.2f} per kWh"
        if grid_kw > 0.0:
            return f"import at {self.prices.import_per_kwh:.2f}, {worth}"
        if grid_kw < -self.export_limit_kw:
            return f"energy that would be curtailed, {worth}"
        return f"export at {self.prices.export_per_kwh:.2f}, {worth}"


def worth_of(park: Standing, name: str, battery: Battery, soc: float) -> BatteryWorth | None:
    """None where the plan does not say what stored energy is worth, or no tariff says what the grid's is."""
    plan, step = park.plan, park.step
    if plan is None or step is None or park.prices is None or name not in plan.stored_value_per_kwh:
        return None
    planned_kwh = park.planned_kwh(name)
    if planned_kwh is None:
        return None
    dearest, cheapest = float(plan.import_price_per_kwh.max()), float(plan.import_price_per_kwh.min())
    ahead = min(max((soc - planned_kwh / battery.capacity_kwh) / CORRIDOR_SOC, -1.0), 1.0)
    stored = float(plan.stored_value_per_kwh[name][step]) - ahead * (dearest - cheapest)
    rating_kw = max(battery.max_charge_kw, battery.max_discharge_kw)
    return BatteryWorth(
        prices=park.prices,
        export_limit_kw=park.export_limit_kw,
        stored_per_kwh=stored,
        given_per_kwh=stored / battery.discharge_efficiency + battery.wear_cny_per_kwh,
        taken_per_kwh=stored * battery.charge_efficiency,
        stiffness=STIFFNESS * max(dearest, 1e-3) / rating_kw,
        low_kw=-battery.max_charge_kw,
        high_kw=battery.max_discharge_kw,
    )
