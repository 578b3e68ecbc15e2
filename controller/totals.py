"""What the running month and year have used, for ladders and caps: closed intervals added up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field

from config.base import Frozen
from config.power_factor import PowerFactor
from dispatch.plan import Used

NOTHING: Mapping[str, float] = {}


class SavedTotals(Frozen):
    """The totals in the state file."""

    until: AwareDatetime
    """End of the last interval that was added."""
    month_import_kwh: float
    year_import_kwh: float
    month_export_kwh: float
    month_gas_kwh: float
    month_heat_kgce: float = 0.0
    """A file of a version that did not count heat has none."""
    month_co2_kg: float
    month_available_kwh: float
    factor_kwh: float
    factor_kvarh: float
    month_charge: float
    day_discharged_kwh: dict[str, float] = Field(default_factory=dict)
    day_since: AwareDatetime | None = None
    month_since: AwareDatetime | None
    year_since: AwareDatetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSoFar:
    """What the power factor of the running month and its adjustment rest on."""

    import_kwh: float = 0.0
    """Imported while active and reactive power were both measured."""
    reactive_kvarh: float = 0.0
    """In the same time, whichever way it flowed."""
    charge: float = 0.0
    """Energy charge, demand charge and contract of the month."""

    def with_more(self, import_kwh: float, reactive_kvarh: float, charge: float) -> FactorSoFar:
        return FactorSoFar(
            import_kwh=self.import_kwh + import_kwh,
            reactive_kvarh=self.reactive_kvarh + reactive_kvarh,
            charge=self.charge + charge,
        )

    def adjustment(self, rule: PowerFactor) -> float | None:
        """Money on top of the month's charge so far, None where no reactive energy was measured with any import."""
        share = rule.adjustment(self.import_kwh, self.reactive_kvarh)
        return None if share is None else share * self.charge


class Totals:
    """Begins anew with each local month and year; what was not counted is not taken for nothing, it says since when."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._until: datetime | None = None
        self._used = Used()
        self._factor = FactorSoFar()

    def restore(self, saved: SavedTotals | None) -> None:
        if saved is not None:
            self._until = saved.until
            self._used = Used(**saved.model_dump(exclude={"until", "factor_kwh", "factor_kvarh", "month_charge"}))
            self._factor = FactorSoFar(
                import_kwh=saved.factor_kwh, reactive_kvarh=saved.factor_kvarh, charge=saved.month_charge
            )

    def saved(self) -> SavedTotals | None:
        """None before the first interval."""
        if self._until is None:
            return None
        used = self._used
        return SavedTotals(
            until=self._until,
            month_import_kwh=used.month_import_kwh,
            year_import_kwh=used.year_import_kwh,
            month_export_kwh=used.month_export_kwh,
            month_gas_kwh=used.month_gas_kwh,
            month_heat_kgce=used.month_heat_kgce,
            month_co2_kg=used.month_co2_kg,
            month_available_kwh=used.month_available_kwh,
            factor_kwh=self._factor.import_kwh,
            factor_kvarh=self._factor.reactive_kvarh,
            month_charge=self._factor.charge,
            day_discharged_kwh=dict(used.day_discharged_kwh),
            day_since=used.day_since,
            month_since=used.month_since,
            year_since=used.year_since,
        )

    def factor_before(self, start: datetime) -> FactorSoFar:
        """Of the month of an interval that begins at `start`, before it."""
        month_start = start.astimezone(self._zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return self._factor if self._until is not None and self._until > month_start else FactorSoFar()

    def before(self, start: datetime) -> Used:
        """What the day, the month and the year of an interval that begins at `start` have used before it.

        Where intervals are missing, the count begins with this one.
        """
        used, until = self._used, self._until
        local = start.astimezone(self._zone)
        day_start = local.replace(hour=0, minute=0, second=0, microsecond=0)
        month_start = day_start.replace(day=1)
        year_start = month_start.replace(month=1)
        gap = until is None or until < start
        same_day = until is not None and until > day_start
        same_month = until is not None and until > month_start
        same_year = until is not None and until > year_start
        # an interval that begins with its month, or one right after the last of the month before, misses nothing
        day_since = _since(day_start, start, same_day, gap, used.day_since)
        month_since = _since(month_start, start, same_month, gap, used.month_since)
        year_since = _since(year_start, start, same_year, gap, used.year_since)
        return Used(
            month_import_kwh=used.month_import_kwh if same_month else 0.0,
            year_import_kwh=used.year_import_kwh if same_year else 0.0,
            month_export_kwh=used.month_export_kwh if same_month else 0.0,
            month_gas_kwh=used.month_gas_kwh if same_month else 0.0,
            month_heat_kgce=used.month_heat_kgce if same_month else 0.0,
            month_co2_kg=used.month_co2_kg if same_month else 0.0,
            month_available_kwh=used.month_available_kwh if same_month else 0.0,
            day_discharged_kwh=used.day_discharged_kwh if same_day else dict.fromkeys(used.day_discharged_kwh, 0.0),
            day_since=day_since,
            month_since=month_since,
            year_since=year_since,
        )

    def add(
        self,
        start: datetime,
        end: datetime,
        *,
        import_kwh: float,
        export_kwh: float,
        gas_kwh: float,
        heat_kgce: float = 0.0,
        co2_kg: float | None,
        available_kwh: float,
        factor: FactorSoFar,
        discharged_kwh: Mapping[str, float] = NOTHING,
    ) -> None:
        """Add an interval; without a tariff its carbon is unknown, and the month is counted from its end on.

        `factor` has the interval in it. `discharged_kwh` has every battery whose power was measured.
        """
        used = self.before(start)
        self._factor = factor
        self._until = end
        self._used = Used(
            month_import_kwh=used.month_import_kwh + import_kwh,
            year_import_kwh=used.year_import_kwh + import_kwh,
            month_export_kwh=used.month_export_kwh + export_kwh,
            month_gas_kwh=used.month_gas_kwh + gas_kwh,
            month_heat_kgce=used.month_heat_kgce + heat_kgce,
            month_co2_kg=used.month_co2_kg + (co2_kg or 0.0),
            month_available_kwh=used.month_available_kwh + available_kwh,
            day_discharged_kwh={
                name: used.day_discharged_kwh.get(name, 0.0) + kwh for name, kwh in discharged_kwh.items()
            },
            day_since=used.day_since,
            month_since=end if co2_kg is None else used.month_since,
            year_since=used.year_since,
        )


def _since(begin: datetime, start: datetime, same: bool, gap: bool, known: datetime | None) -> datetime | None:
    """From when on a period is counted that began at `begin`, None if from there."""
    if gap and start > begin:
        return start
    return known if same else None
