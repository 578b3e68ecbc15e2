"""Prices and limits of a scenario, as park and controller both go by them.

A price reaches a controller as a real one does: as its tariff, known ahead. A call to reduce demand is one, too:
what is paid for a reduction is lost with each kWh that is imported all the same.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from config.site import Site
from config.tariff import SpecialDays, Tariff
from config.terms import Terms
from simulators.scenarios.scenario import ConnectionChange, PriceChange, ScenarioFile

_MINUTE = timedelta(minutes=1)


class BadPrice(ValueError):
    """A price that the site's tariff cannot have; `index` is its place in the file."""

    def __init__(self, index: int, what: str) -> None:
        super().__init__(what)
        self.index = index


def terms_in(file: ScenarioFile, start: datetime, site: Site) -> Terms | None:
    """What the scenario changes, None where it changes no price and no limit. `start` is UTC. Raises BadPrice."""
    if not file.prices and file.connection is None:
        return None
    shares = file.connection or ConnectionChange()
    _, grid = site.grid
    return Terms(
        tariffs=tuple(_changed(tariff, file, start) for tariff in site.tariffs),
        import_limit_kw=grid.import_limit_kw * shares.import_limit_share,
        export_limit_kw=grid.export_limit_kw * shares.export_limit_share,
    )


def _changed(tariff: Tariff, file: ScenarioFile, start: datetime) -> Tariff:
    ratios = dict(tariff.ratios)
    special = list(tariff.special_days)
    for index, change in enumerate(file.prices):
        begin, end = change.bounds(start, file.length)
        for day, hours in local_hours(begin, end, ZoneInfo(tariff.time_zone)).items():
            if day < tariff.valid_from or (tariff.valid_until is not None and day >= tariff.valid_until):
                continue
            band = f"{change.reason} {index + 1} ({day:%Y-%m})"  # of one month, as the base price is
            ratios[band] = _ratio(tariff, day, change, index)
            special.append(SpecialDays(name=change.reason, dates=(day,), bands={band: hours}))
    return tariff.model_copy(update={"ratios": ratios, "special_days": tuple(special)})


def _ratio(tariff: Tariff, day: date, change: PriceChange, index: int) -> float:
    base = tariff.base_per_kwh.get(f"{day:%Y-%m}", tariff.base_per_kwh["default"])
    floating = change.import_per_kwh - tariff.fixed_per_kwh
    if floating < 0:
        fixed = f"the fixed part of the tariff, {tariff.fixed_per_kwh:g} {tariff.currency} per kWh"
        raise BadPrice(index, f"is {change.import_per_kwh:g}, should be at least {fixed}")
    if base == 0:
        raise BadPrice(index, f"the tariff has no floating part in {day:%Y-%m}, so that its price cannot change")
    return floating / base


def local_hours(begin: datetime, end: datetime, zone: ZoneInfo) -> dict[date, tuple[str, ...]]:
    """The hours of each local day between two UTC times, such as 16:00-24:00, in whole minutes.

    A tariff goes by the clock on the wall: of an hour that comes twice when clocks are put back, both have the price.
    """
    minutes: dict[date, set[int]] = {}
    when = begin.replace(second=0, microsecond=0)
    while when < end:
        local = when.astimezone(zone)
        minutes.setdefault(local.date(), set()).add(local.hour * 60 + local.minute)
        when += _MINUTE
    return {day: _spans(sorted(of)) for day, of in minutes.items()}


def _spans(minutes: list[int]) -> tuple[str, ...]:
    """Runs of minutes of a day, as hours."""
    spans = []
    for _, run in groupby(enumerate(minutes), key=lambda pair: pair[1] - pair[0]):
        of = [minute for _, minute in run]
        spans.append(f"{_clock(of[0])}-{_clock(of[-1] + 1)}")
    return tuple(spans)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
