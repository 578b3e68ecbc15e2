"""What one interval of the ledger cost and emitted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dispatch.tariff import NoTariff, TariffCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Money in the tariff's currency and carbon of one interval."""

    import_price: float
    cost: Mapping[str, float]
    """By term; export revenue is negative."""
    co2_kg: float


def bill_of(
    calendar: TariffCalendar, start: datetime, *, import_kwh: float, export_kwh: float, gas_kwh: float, above_kw: float
) -> Bill | None:
    """The bill of the interval that begins at `start`, None when no tariff covers its day.

    `above_kw` is how far its mean import is above the month's peak before it.
    """
    try:
        tariff = calendar.tariff_at(start)
        import_price = calendar.import_price_at(start)
    except NoTariff:
        return None
    co2_kg = import_kwh * tariff.grid_co2_kg_per_kwh + gas_kwh * tariff.gas_co2_kg_per_kwh
    cost = {
        "import": import_kwh * import_price,
        "export": -export_kwh * tariff.export_per_kwh,
        "gas": gas_kwh * tariff.gas_per_kwh,
        "demand": above_kw * tariff.demand_charge_per_kw_month,
        "carbon": co2_kg / 1000 * tariff.carbon_price_per_t,
    }
    return Bill(import_price=import_price, cost=cost, co2_kg=co2_kg)
