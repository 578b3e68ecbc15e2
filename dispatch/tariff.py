"""What energy costs when: the site's dated tariffs on a grid of intervals, exact to the second.

price(t) = fixed + base(month of t) * ratio(band at t), all by the local calendar of the tariff.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.per_site import per_site
from config.price_series import PriceSeries
from config.site import Site
from config.tariff import MINUTES_PER_DAY, SpecialDays, Tariff, minutes_of, of_month
from dispatch.demand_charge import DemandCharge, demand_charge
from dispatch.ladder import LadderPrices, ladder_prices
from dispatch.plan import DispatchError, FloatArray

SEARCHED_DAYS = 400
"""How far ahead a change of band is looked for: a year, so that a band of one season is found from any other."""

REMEMBERED_DAYS = 64
"""Local days whose bands are kept; a horizon touches three at most, so this is room for a month of history too."""


class NoTariff(DispatchError):
    """A time that no tariff of the site covers; the message names the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The tariff on a grid of intervals, each value the time-weighted mean of its interval, shape (steps,)."""

    import_per_kwh: FloatArray
    export_per_kwh: FloatArray
    gas_per_kwh: FloatArray
    import_carbon_per_kwh: FloatArray
    """Carbon price of one imported kWh, from the grid's emission factor."""
    gas_carbon_per_kwh: FloatArray
    """Carbon price of one kWh of gas burnt."""
    month: NDArray[np.int64]
    """Calendar month that the interval starts in, counted from 0 for the first interval's."""
    demand_per_kw: FloatArray
    """Demand charge of each month touched, per kW of its highest average, shape (months,)."""
    free_kw: FloatArray
    """Highest average of each month that costs nothing beyond the contracted demand, shape (months,)."""
    carbon_per_kg: FloatArray
    """Carbon price of one kg of CO2."""
    import_co2_kg_per_kwh: FloatArray
    gas_co2_kg_per_kwh: FloatArray
    ladder: LadderPrices | None
    """None where no tariff of the site has one."""

    @property
    def import_cost_per_kwh(self) -> FloatArray:
        """What one more imported kWh costs, carbon included."""
        return self.import_per_kwh + self.import_carbon_per_kwh


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of one local day in one band, POSIX seconds, end excluded."""

    start_s: float
    end_s: float
    band: str


@dataclass(frozen=True, slots=True)
class _Horizon:
    """The prices that were asked for last: a plan's problem, its check and its bill ask for the same."""

    start: datetime
    step_h: FloatArray
    spot: PriceSeries | None
    prices: Prices

    def is_of(self, start: datetime, step_h: FloatArray, spot: PriceSeries | None) -> bool:
        return self.spot is spot and self.start == start and np.array_equal(self.step_h, step_h)


class TariffCalendar:
    """The dated tariffs of a site as functions of time. Of two tariffs for a day, the first in the list counts."""

    def __init__(self, tariffs: Sequence[Tariff]) -> None:
        self._tariffs = tuple(tariffs)
        self._zones = tuple(ZoneInfo(tariff.time_zone) for tariff in tariffs)
        self._days: dict[tuple[int, date], tuple[_Span, ...]] = {}
        self._last: _Horizon | None = None

    def tariff_at(self, when: datetime) -> Tariff:
        """The tariff in force at an aware time. Raises NoTariff when none covers the local day."""
        return self._tariffs[self._index_at(when)]

    def band_at(self, when: datetime) -> str:
        """The name of the band at an aware time. Raises NoTariff."""
        return self._span_at(when)[1].band

    def import_price_at(self, when: datetime, spot: PriceSeries | None = None) -> float:
        """Price of one imported kWh at an aware time, without carbon. Raises NoTariff."""
        return self._both_at(when, spot)[0]

    def export_price_at(self, when: datetime, spot: PriceSeries | None = None) -> float:
        """What one exported kWh brings at an aware time. Raises NoTariff."""
        return self._both_at(when, spot)[1]

    def _both_at(self, when: datetime, spot: PriceSeries | None) -> tuple[float, float]:
        index, span = self._span_at(when)
        return _prices(self._tariffs[index], self._local_day(index, when), span.band, when.timestamp(), spot)

    def next_band_change(self, when: datetime) -> datetime | None:
        """The first UTC time after `when` at which another band begins.

        None when the band stays for a year, or up to the end of the last tariff. Raises NoTariff when `when`
        itself is not covered.
        """
        _, span = self._span_at(when)
        band = span.band
        limit = when + timedelta(days=SEARCHED_DAYS)
        while (at := _utc(span.end_s)) < limit:
            try:
                _, span = self._span_at(at)
            except NoTariff:
                return None
            if span.band != band:
                return at
        return None

    def over(self, start: datetime, step_h: FloatArray, spot: PriceSeries | None = None) -> Prices:
        """Prices of consecutive intervals of `step_h` hours, shape (steps,), from an aware `start` on.

        An interval across the edge of a band gets the mean by time. Spot prices count where there are some, the
        bands of the tariff where there are none. Who asks for the same again gets the same. Raises NoTariff when a part
        is not covered.
        """
        if self._last is None or not self._last.is_of(start, step_h, spot):
            self._last = _Horizon(start, np.array(step_h), spot, self._over(start, step_h, spot))
        return self._last.prices

    def _over(self, start: datetime, step_h: FloatArray, spot: PriceSeries | None) -> Prices:
        bounds_s = start.timestamp() + np.concatenate(([0.0], np.cumsum(step_h) * 3600.0))
        edges: list[float] = []
        rows: list[tuple[float, ...]] = []
        for tariff, day, span in self._walk(start, float(bounds_s[-1])):
            edges_s = [span.start_s]
            if spot is not None:
                # what comes before the horizon does not count, but the price that holds when it begins does
                first_s = max(span.start_s, float(bounds_s[0]))
                within_s = spot.edges_s(first_s, min(span.end_s, float(bounds_s[-1])))
                edges_s = sorted({span.start_s, first_s, *within_s})
            for edge_s in edges_s:
                edges.append(edge_s)
                rows.append(
                    (
                        *_prices(tariff, day, span.band, edge_s, spot),
                        tariff.gas_per_kwh,
                        tariff.carbon_price_per_t * tariff.grid_co2_kg_per_kwh / 1000.0,
                        tariff.carbon_price_per_t * tariff.gas_co2_kg_per_kwh / 1000.0,
                        tariff.grid_co2_kg_per_kwh,
                        tariff.gas_co2_kg_per_kwh,
                        tariff.carbon_price_per_t / 1000.0,
                    )
                )
        means = _means(bounds_s, np.array(edges), np.array(rows))
        days = self._days_of(bounds_s[:-1])
        month, charges = _months(days)
        return Prices(
            import_per_kwh=means[0],
            export_per_kwh=means[1],
            gas_per_kwh=means[2],
            import_carbon_per_kwh=means[3],
            gas_carbon_per_kwh=means[4],
            month=month,
            demand_per_kw=np.array([charge.per_kw for charge in charges]),
            free_kw=np.array([charge.free_kw for charge in charges]),
            import_co2_kg_per_kwh=means[5],
            gas_co2_kg_per_kwh=means[6],
            carbon_per_kg=means[7],
            ladder=ladder_prices(self._tariffs, days),
        )

    def demand_charge_at(self, when: datetime) -> DemandCharge:
        """The demand charge of the month at an aware time. Raises NoTariff."""
        index = self._index_at(when)
        return demand_charge(self._tariffs[index], self._local_day(index, when))

    def _days_of(self, starts_s: FloatArray) -> list[tuple[Tariff, date]]:
        """Tariff and local day in which each interval starts."""
        found = []
        for start_s in starts_s:
            when = _utc(float(start_s))
            index = self._index_at(when)
            found.append((self._tariffs[index], self._local_day(index, when)))
        return found

    def _walk(self, start: datetime, end_s: float) -> Iterator[tuple[Tariff, date, _Span]]:
        when = start
        while when.timestamp() < end_s:
            index, span = self._span_at(when)
            yield self._tariffs[index], self._local_day(index, when), span
            when = _utc(span.end_s)

    def _local_day(self, index: int, when: datetime) -> date:
        return when.astimezone(self._zones[index]).date()

    def _index_at(self, when: datetime) -> int:
        for index, tariff in enumerate(self._tariffs):
            day = self._local_day(index, when)
            if tariff.valid_from <= day and (tariff.valid_until is None or day < tariff.valid_until):
                return index
        local = when.astimezone(self._zones[0]) if self._zones else when
        raise NoTariff(f"no tariff covers {local.date().isoformat()}: add a tariff file that is valid on that day")

    def _span_at(self, when: datetime) -> tuple[int, _Span]:
        index = self._index_at(when)
        day = self._local_day(index, when)
        spans = self._days.get((index, day))
        if spans is None:
            if len(self._days) >= REMEMBERED_DAYS:
                self._days.clear()
            spans = self._days[index, day] = _spans_of(self._tariffs[index], self._zones[index], day)
        return index, spans[bisect_right(spans, when.timestamp(), key=lambda span: span.start_s) - 1]


@per_site
def calendar_of(site: Site) -> TariffCalendar:
    """The one of a site."""
    return TariffCalendar(site.tariffs)


def _months(days: Sequence[tuple[Tariff, date]]) -> tuple[NDArray[np.int64], list[DemandCharge]]:
    """The month that each interval starts in, and the demand charge of each month."""
    numbers = [day.year * 12 + day.month for _, day in days]
    charges: dict[int, DemandCharge] = {}
    for number, (tariff, day) in zip(numbers, days, strict=True):
        if number not in charges:
            charges[number] = demand_charge(tariff, day)
    order = {number: position for position, number in enumerate(charges)}
    return np.array([order[number] for number in numbers], dtype=np.int64), list(charges.values())


def _utc(posix_s: float) -> datetime:
    return datetime.fromtimestamp(posix_s, UTC)


def _price(tariff: Tariff, day: date, band: str) -> float:
    return tariff.fixed_per_kwh + of_month(tariff.base_per_kwh, day) * tariff.ratios[band]


def _prices(tariff: Tariff, day: date, band: str, posix_s: float, spot: PriceSeries | None) -> tuple[float, float]:
    """Import and export price at a time; of a spot price the tariff's fixed part is paid on top for import."""
    index = spot.index_at(posix_s) if spot is not None else None
    if spot is None or index is None:
        return _price(tariff, day, band), tariff.export_per_kwh
    export = tariff.export_per_kwh if spot.export_per_kwh is None else spot.export_per_kwh[index]
    return tariff.fixed_per_kwh + spot.import_per_kwh[index], export


def _spans_of(tariff: Tariff, zone: ZoneInfo, day: date) -> tuple[_Span, ...]:
    """The bands of one local day; where clocks change, looked up minute by minute."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    after = day + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)
    bands = _bands_of(tariff, day)
    if end - start == timedelta(days=1):
        edges = [minute for minute, band in enumerate(bands) if minute == 0 or band != bands[minute - 1]]
        begin_s = start.timestamp()
        ends = [*edges[1:], MINUTES_PER_DAY]
        return tuple(
            _Span(begin_s + 60.0 * edge, begin_s + 60.0 * until, bands[edge])
            for edge, until in zip(edges, ends, strict=True)
        )
    spans: list[_Span] = []
    began, band = start, ""
    when = start
    while when < end:
        local = when.astimezone(zone)
        now = bands[local.hour * 60 + local.minute]
        if now != band:
            if when > began:
                spans.append(_Span(began.timestamp(), when.timestamp(), band))
            began, band = when, now
        when += timedelta(minutes=1)
    spans.append(_Span(began.timestamp(), end.timestamp(), band))
    return tuple(spans)


def _bands_of(tariff: Tariff, day: date) -> list[str]:
    season = next(season for season in tariff.seasons if day.month in season.months)
    special: list[SpecialDays] = [days for days in tariff.special_days if day in days.dates]
    bands = [""] * MINUTES_PER_DAY
    for layer in (season.bands, *(days.bands for days in special)):
        for band, hours in layer.items():
            for span in hours:
                start, end = minutes_of(span)
                bands[start:end] = [band] * (end - start)
    return bands


def _means(bounds_s: FloatArray, edges_s: FloatArray, values: FloatArray) -> list[FloatArray]:
    """Means over the intervals between `bounds_s` of step functions: row k of `values` holds from edge k on."""
    edges_s = np.append(edges_s, max(float(bounds_s[-1]), float(edges_s[-1]) + 1.0))
    edges_s = edges_s - bounds_s[0]
    bounds_s = bounds_s - bounds_s[0]
    lengths = np.diff(bounds_s)
    means: list[FloatArray] = []
    for column in values.T:
        integral = np.concatenate(([0.0], np.cumsum(column * np.diff(edges_s))))
        means.append(np.diff(np.interp(bounds_s, edges_s, integral)) / lengths)
    return means
