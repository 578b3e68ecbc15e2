"""What the tariff asks for now, as the second's decision needs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.power_factor import PowerFactor
from config.price_series import PriceSeries
from config.site import Site
from dispatch.demand_charge import DemandCharge
from dispatch.tariff import NoTariff, calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyPrices:
    """What a kWh costs at the connection, and what it brings."""

    import_per_kwh: float
    export_per_kwh: float


class TariffNow:
    """Looks up a site's tariffs, and remembers when there is none."""

    def __init__(self, site: Site) -> None:
        self._calendar = calendar_of(site)
        self.missing = ""
        """Why there was no price at the last look; empty when there was one."""

    def prices(self, now: datetime, spot: PriceSeries | None) -> EnergyPrices | None:
        """None where no tariff covers the day."""
        try:
            found = EnergyPrices(
                import_per_kwh=self._calendar.import_price_at(now, spot),
                export_per_kwh=self._calendar.export_price_at(now, spot),
            )
        except NoTariff as error:
            self.missing = str(error)
            return None
        self.missing = ""
        return found

    def power_factor(self, now: datetime) -> PowerFactor | None:
        """None where no tariff covers the day, or it does not bill the power factor."""
        try:
            return self._calendar.tariff_at(now).power_factor
        except NoTariff:
            return None

    def demand_charge(self, now: datetime) -> DemandCharge | None:
        """None where no tariff covers the day."""
        try:
            return self._calendar.demand_charge_at(now)
        except NoTariff:
            return None
