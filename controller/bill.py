"""What one interval of the ledger cost and emitted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from config.price_series import PriceSeries
from config.tariff import Tariff
from controller.totals import FactorSoFar
from dispatch.plan import Used
from dispatch.tariff import NoTariff, TariffCalendar

NO_FACTOR = FactorSoFar()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Money in the tariff's currency and carbon of one interval."""

    import_price: float
    cost: Mapping[str, float]
    """By term; export revenue is negative. The contracted demand is paid by the hour, as its share of the month."""
    co2_kg: float
    factor: FactorSoFar = NO_FACTOR
    """What the month's power factor rests on, this interval included."""


def bill_of(
    calendar: TariffCalendar,
    start: datetime,
    *,
    hours: float,
    import_kwh: float,
    export_kwh: float,
    gas_kwh: float,
    mean_kw: float,
    month_peak_kw: float,
    used: Used,
    spot: PriceSeries | None = None,
    factor: FactorSoFar = NO_FACTOR,
    factor_kwh: float = 0.0,
    factor_kvarh: float = 0.0,
    heat_cost: float = 0.0,
    heat_co2_kg: float = 0.0,
) -> Bill | None:
    """The bill of the interval that begins at `start`, None when no tariff covers its day.

    `mean_kw` is its mean import, `month_peak_kw` the month's peak before it, `used` what the month and the year have
    used before it. Prices are the means over its `hours`. `factor` is what the month's power factor rests on before it,
    `factor_kwh` and `factor_kvarh` what was measured of both within it: the month's adjustment is billed as what each
    interval changes of it, and not at all where it is not known. `heat_cost` and `heat_co2_kg` are of heat and steam
    bought within it, less what sold heat earned.
    """
    try:
        tariff = calendar.tariff_at(start)
        prices = calendar.over(start, np.array([hours]), spot)
        charge = calendar.demand_charge_at(start)
    except NoTariff:
        return None
    import_price, export_price = float(prices.import_per_kwh[0]), float(prices.export_per_kwh[0])
    co2_kg = import_kwh * tariff.grid_co2_kg_per_kwh + gas_kwh * tariff.gas_co2_kg_per_kwh + heat_co2_kg
    cost = {
        "import": import_kwh * import_price,
        "export": -export_kwh * export_price,
        "gas": gas_kwh * tariff.gas_per_kwh,
        "heat": heat_cost,
        "demand": charge.per_kw * max(0.0, mean_kw - max(month_peak_kw, charge.free_kw)),
        "contract": charge.agreed_per_h * hours,
        "ladder": _surcharge(tariff, used, import_kwh),
        "carbon": co2_kg / 1000 * tariff.carbon_price_per_t,
    }
    charge_now = cost["import"] + cost["demand"] + cost["contract"]
    after = factor.with_more(factor_kwh, factor_kvarh, charge_now)
    if tariff.power_factor is not None and (adjusted := after.adjustment(tariff.power_factor)) is not None:
        cost["power_factor"] = adjusted - (factor.adjustment(tariff.power_factor) or 0.0)
    return Bill(factor=after, import_price=import_price, cost=cost, co2_kg=co2_kg)


def _surcharge(tariff: Tariff, used: Used, import_kwh: float) -> float:
    """What a ladder asks for the import that comes on top of what was used before."""
    if (ladder := tariff.ladder) is None:
        return 0.0
    return ladder.surcharge_of(import_kwh, used.import_kwh(ladder.over))
