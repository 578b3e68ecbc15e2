"""Tariffs as dated data: price(t) = fixed + base(month) * ratio(band at t)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Frozen
from config.document import shown
from config.ladder import Ladder
from config.power_factor import PowerFactor

MINUTES_PER_DAY = 24 * 60
_HOURS = re.compile(r"^([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$")


def minutes_of(hours: str) -> tuple[int, int]:
    """Minutes after local midnight of ``"11:00-14:00"``: start, end (end excluded, 24:00 allowed)."""
    match = _HOURS.match(hours)
    if match is None:
        raise ValueError(f"{shown(hours)} should look like 11:00-14:00")
    start_h, start_min, end_h, end_min = (int(part) for part in match.groups())
    start, end = start_h * 60 + start_min, end_h * 60 + end_min
    if not start < end <= MINUTES_PER_DAY:
        raise ValueError(f"{hours!r} must end after it starts and by 24:00; write 22:00-24:00 and 00:00-07:00 apart")
    return start, end


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{shown(name)} is not a time zone; use a name such as Asia/Shanghai") from error
    return name


def _known_hours(hours: str) -> str:
    minutes_of(hours)
    return hours


ZoneName = Annotated[str, AfterValidator(_known_zone)]
Hours = Annotated[str, AfterValidator(_known_hours)]
Month = Annotated[int, Field(ge=1, le=12)]
MonthKey = Annotated[str, Field(pattern=r"^(default|\d{4}-\d{2})$")]
"""A month such as ``2026-10``, or ``default`` for all that are not listed."""


def clock(minute: int) -> str:
    """A minute of the day as people write it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def owners(bands: Mapping[str, Iterable[str]]) -> list[str | None]:
    """The band of each minute of a day, None where there is none. Raises ValueError where there are two."""
    owner: list[str | None] = [None] * MINUTES_PER_DAY
    for band, spans in bands.items():
        for span in spans:
            start, end = minutes_of(span)
            for minute in range(start, end):
                if owner[minute] is not None:
                    raise ValueError(f"{clock(minute)} is in both {owner[minute]} and {band}")
                owner[minute] = band
    return owner


class Season(Frozen):
    """The bands of a day in some months; every minute belongs to exactly one band."""

    months: tuple[Month, ...]
    bands: dict[str, tuple[Hours, ...]]

    @model_validator(mode="after")
    def _every_minute_once(self) -> Season:
        owner = owners(self.bands)
        if None in owner:
            raise ValueError(f"{clock(owner.index(None))} is in no band")
        return self


class SpecialDays(Frozen):
    """Bands that replace the season's on some dates, for the hours they name."""

    name: str
    dates: tuple[date, ...]
    bands: dict[str, tuple[Hours, ...]]

    @model_validator(mode="after")
    def _no_minute_twice(self) -> SpecialDays:
        owners(self.bands)
        return self


class ContractedDemand(Frozen):
    """Demand that is agreed with the grid company and paid whether it is used or not."""

    kw: dict[MonthKey, PositiveFloat]
    """By month: the agreed demand."""
    excess_from: Annotated[float, Field(ge=1)]
    """Share of the agreed demand above which the month's highest average is excess, 1.05 for 5 % that are free."""
    excess_times: PositiveFloat
    """What each kW of excess costs, in demand charges."""

    @model_validator(mode="after")
    def _has_a_default(self) -> ContractedDemand:
        if "default" not in self.kw:
            raise ValueError("kw needs a 'default'")
        return self

    def kw_in(self, day: date) -> float:
        """The agreed demand in the month of a local day."""
        return of_month(self.kw, day)


def of_month(by_month: Mapping[str, float], day: date) -> float:
    """The value for the month of a local day, or the default."""
    return by_month.get(f"{day:%Y-%m}", by_month["default"])


class Tariff(Frozen):
    """What energy costs, from `valid_from` until the day before `valid_until`, in local days."""

    description: str
    source: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    time_zone: ZoneName
    valid_from: date
    valid_until: date | None = None
    fixed_per_kwh: NonNegativeFloat
    """The part of the import price that does not float with the hour: transmission, funds."""
    base_per_kwh: dict[MonthKey, NonNegativeFloat]
    """The floating part by month, with the value for months not listed under `default`."""
    ratios: dict[str, NonNegativeFloat]
    seasons: tuple[Season, ...]
    special_days: tuple[SpecialDays, ...] = ()
    export_per_kwh: float
    demand_charge_per_kw_month: NonNegativeFloat
    """Paid on the highest 15-min average import of the calendar month, or on the contracted demand, if any."""
    contracted_demand: ContractedDemand | None = None
    """Demand is paid by contract instead of as measured."""
    ladder: Ladder | None = None
    power_factor: PowerFactor | None = None
    """By what was measured; plans do not know reactive power."""
    gas_per_kwh: NonNegativeFloat
    """Per kWh of lower heating value."""
    carbon_price_per_t: NonNegativeFloat = 0.0
    grid_co2_kg_per_kwh: NonNegativeFloat
    gas_co2_kg_per_kwh: NonNegativeFloat

    @model_validator(mode="after")
    def _complete(self) -> Tariff:
        months = sorted(month for season in self.seasons for month in season.months)
        if months != list(range(1, 13)):
            raise ValueError(f"each month must be in exactly one season, found {months}")
        if "default" not in self.base_per_kwh:
            raise ValueError("base_per_kwh needs a 'default'")
        used = {band for season in self.seasons for band in season.bands}
        used |= {band for days in self.special_days for band in days.bands}
        if missing := sorted(used - self.ratios.keys()):
            raise ValueError(f"no ratio for band {', '.join(missing)}; known are {', '.join(self.ratios)}")
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be after valid_from")
        return self
