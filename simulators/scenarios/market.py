"""Prices and limits of a scenario, as the site that park and controller both go by while it lasts.

A price reaches a controller as a real one does: as its tariff, known ahead. A call to reduce demand is one, too:
what is paid for a reduction is lost with each kWh that is imported all the same. Limits are those of the connection for
the whole run.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from config.assets import Asset
from config.site import Site
from config.tariff import MINUTES_PER_DAY, SpecialDays, Tariff
from simulators.scenarios.scenario import PriceChange, Scenario


def site_in(scenario: Scenario, site: Site) -> Site:
    """The site with the scenario's prices and limits. Raises ValueError for a price that no tariff can have."""
    tariffs = tuple(_changed_tariff(tariff, scenario) for tariff in site.tariffs)
    assets: dict[str, Asset] = dict(site.assets)
    if (change := scenario.file.connection) is not None:
        name, grid = site.grid
        assets[name] = grid.model_copy(
            update={
                "import_limit_kw": grid.import_limit_kw * change.import_limit_share,
                "export_limit_kw": grid.export_limit_kw * change.export_limit_share,
            }
        )
    return dataclasses.replace(site, tariffs=tariffs, file=site.file.model_copy(update={"assets": assets}))


def _changed_tariff(tariff: Tariff, scenario: Scenario) -> Tariff:
    ratios = dict(tariff.ratios)
    special = list(tariff.special_days)
    for number, change in enumerate(scenario.file.prices, 1):
        for day, hours in _hours_by_day(change, scenario, ZoneInfo(tariff.time_zone)):
            band = f"{change.reason} {number} ({day:%Y-%m})"  # of one month, as the base price is
            ratios[band] = _ratio(tariff, day, change.import_per_kwh)
            special.append(SpecialDays(name=change.reason, dates=(day,), bands={band: (hours,)}))
    return tariff.model_copy(update={"ratios": ratios, "special_days": tuple(special)})


def _ratio(tariff: Tariff, day: date, import_per_kwh: float) -> float:
    base = tariff.base_per_kwh.get(f"{day:%Y-%m}", tariff.base_per_kwh["default"])
    floating = import_per_kwh - tariff.fixed_per_kwh
    if floating < 0:
        raise ValueError(
            f"a price of {import_per_kwh:g} is below the fixed part of the tariff, which is {tariff.fixed_per_kwh:g}"
        )
    if base == 0:
        raise ValueError(f"the tariff has no floating part in {day:%Y-%m}, so that its price cannot change")
    return floating / base


def _hours_by_day(change: PriceChange, scenario: Scenario, zone: ZoneInfo) -> Iterator[tuple[date, str]]:
    """The hours of each local day that a change covers, in whole minutes, such as 16:00-24:00."""
    begin, end = (bound.astimezone(zone) for bound in change.bounds(scenario.start, scenario.length))
    day = begin.date()
    while day <= end.date():
        first = _minute(begin) if day == begin.date() else 0
        last = min(math.ceil(_minute(end)), MINUTES_PER_DAY) if day == end.date() else MINUTES_PER_DAY
        if int(first) < last:
            yield day, f"{_clock(int(first))}-{_clock(last)}"
        day += timedelta(days=1)


def _minute(local: datetime) -> float:
    return local.hour * 60 + local.minute + local.second / 60


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
