"""The 15-min ledger: energy by asset, cost by term, carbon, and the month's peak. Pure.

Energy is integrated from measured power between two snapshots; what crossed the connection point is taken
from the grid meter's counters where they can be read, so that nothing is lost while the controller is away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from config.assets import Battery, GasBoiler, HeatPump, PvPlant, WindTurbine
from config.caps import KGCE_PER_KWH
from config.heat_network import NetworkConnection
from config.price_series import PriceSeries
from config.site import Site
from config.thermal_assets import Chp, SteamBoiler
from controller.bill import bill_of
from controller.image import Snapshot
from controller.interval import Interval, Running, Step
from controller.reactive import MonthSoFar
from controller.state import SavedInterval
from controller.totals import SavedTotals, Totals
from dispatch.plan import Used
from dispatch.registry import forecast_for
from dispatch.tariff import calendar_of
from dispatch.traded_heat import traded_in

LONGEST_STEP_S = 3600.0
"""Two snapshots further apart than this are not joined: the power between them is unknown."""
LONGEST_AWAY_S = 7 * 24 * 3600.0
"""What the counters show after the controller was away for longer is nobody's interval any more."""
COUNTER_SLACK = 2.0
"""A counter that moved more than this many times what the connection can carry was reset or misread."""


class Ledger:
    """Adds up snapshots to intervals, and intervals to the month's peak."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._zone = ZoneInfo(site.location.time_zone)
        self._interval = timedelta(minutes=site.control.interval_min)
        self._calendar = calendar_of(site)
        self._grid, self._connection = site.grid
        self._per_gas: dict[str, float] = {
            **{name: boiler.efficiency for name, boiler in site.of_kind(GasBoiler).items()},
            **{name: boiler.efficiency for name, boiler in site.of_kind(SteamBoiler).items()},
            **{name: engine.electric_efficiency for name, engine in site.of_kind(Chp).items()},
        }
        """What an asset makes of a kWh of gas, in the carrier of its power."""
        self._networks = site.of_kind(NetworkConnection)
        self._batteries = site.of_kind(Battery)
        self._renewable = (*site.of_kind(PvPlant), *site.of_kind(WindTurbine))
        self._running: Running | None = None
        self._before: Snapshot | None = None
        self._counters_kwh: dict[str, float] = {}
        self.month: str | None = None
        self._month_peak_kw = 0.0
        self._totals = Totals(self._zone)
        self.spot: PriceSeries | None = site.spot
        """Prices of the spot market, as far as they are known now."""
        self.imported_kwh = 0.0
        """What was imported since the start, by the meter's counter where it can be read."""
        self.total_kwh: dict[str, float] = {}
        """Energy by asset since the start, signed as its power."""

    @property
    def running_start(self) -> datetime | None:
        """Start of the interval that is being added up."""
        return self._running.start if self._running is not None else None

    @property
    def running_import_kw(self) -> float | None:
        """Mean import of the interval that is being added up, None before a minute of it."""
        running = self._running
        if running is None or running.covered_s < 60.0:
            return None
        return running.import_kwh * 3600.0 / running.covered_s

    @property
    def month_peak_kw(self) -> float:
        """The month's highest interval so far, or the floor that is paid in any case."""
        return max(self._month_peak_kw, self._site.file.month_peak_floor_kw)

    def used(self, now: datetime) -> Used:
        """What month and year have used before the running interval, or that of `now` where none runs yet."""
        return self._totals.before(self._running.start if self._running is not None else self._start_of(now))

    def month_so_far(self, now: datetime) -> MonthSoFar:
        """What counts for the power factor of the month of `now`."""
        local = now.astimezone(self._zone)
        begin = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (begin + timedelta(days=32)).replace(day=1)
        running = self._running
        before = self._totals.factor_before(running.start if running is not None else now)
        return MonthSoFar(
            import_kwh=before.import_kwh + (0.0 if running is None else running.factor_kwh),
            reactive_kvarh=before.reactive_kvarh + (0.0 if running is None else running.factor_kvarh),
            elapsed_h=(now - begin).total_seconds() / 3600,
            left_h=(end - now).total_seconds() / 3600,
        )

    def restore(
        self,
        month: str | None,
        month_peak_kw: float,
        interval: SavedInterval | None,
        counters_kwh: Mapping[str, float],
        totals: SavedTotals | None = None,
    ) -> None:
        """Go on where a saved ledger stopped; the running interval is completed from the meter's counters."""
        self.month, self._month_peak_kw = month, month_peak_kw
        self._counters_kwh = dict(counters_kwh)
        self._totals.restore(totals)
        if interval is not None:
            fields = interval.model_dump(exclude={"limited"})
            self._running = Running(**fields, limited=set(interval.limited))

    def saved_interval(self) -> SavedInterval | None:
        running = self._running
        if running is None:
            return None
        return SavedInterval(**{**asdict(running), "limited": tuple(sorted(running.limited))})

    @property
    def saved_totals(self) -> SavedTotals | None:
        return self._totals.saved()

    @property
    def saved_counters_kwh(self) -> dict[str, float]:
        return dict(self._counters_kwh)

    @property
    def saved_peak_kw(self) -> float:
        return self._month_peak_kw

    def update(self, snapshot: Snapshot, limited: Mapping[str, float]) -> list[Interval]:
        """Take in a snapshot; returns the intervals that it closed, oldest first.

        `limited` names the generators that a limit holds back now, with what they could feed instead in kW.
        """
        before, self._before = self._before, snapshot
        if self._running is None:
            self._running = self._begin(self._start_of(snapshot.at), snapshot.at)
        since = before.at if before is not None else self._running.until
        # without a snapshot before, only the calendar tells how long the controller was away
        passed_s = snapshot.site_s - before.site_s if before is not None else (snapshot.at - since).total_seconds()
        step = self._step(before, snapshot, limited, passed_s)
        if before is not None:
            self.imported_kwh += step.import_kwh
            for name, energy_kwh in step.energy_kwh.items():
                self.total_kwh[name] = self.total_kwh.get(name, 0.0) + energy_kwh
        closed: list[Interval] = []
        for start, share in self._shares(since, snapshot.at, passed_s):
            # not after a clock that went back: a closed interval is never opened again
            if start > self._running.start:
                closed.append(self._close(self._running))
                self._running = self._begin(start, snapshot.at)
            self._add(self._running, step, share)
        self._running.until = snapshot.at
        return closed

    def _begin(self, start: datetime, now: datetime) -> Running:
        """A new interval; the first one of a month begins that month's peak."""
        month = start.astimezone(self._zone).strftime("%Y-%m")
        if month != self.month:
            self.month, self._month_peak_kw = month, 0.0
        return Running(start, now)

    def _start_of(self, when: datetime) -> datetime:
        seconds = self._interval.total_seconds()
        return datetime.fromtimestamp(when.timestamp() // seconds * seconds, tz=when.tzinfo)

    def _shares(self, since: datetime, now: datetime, passed_s: float) -> list[tuple[datetime, float]]:
        """The intervals that a step touches, oldest first, each with its share of it.

        Intervals that the calendar jumped over, while hardly any time passed, are left out: they never were.
        """
        first, last = self._start_of(since), self._start_of(now)
        if last <= first:
            return [(last, 1.0)]
        step_s = (now - since).total_seconds()
        jumped = step_s - passed_s > self._interval.total_seconds() or step_s > LONGEST_AWAY_S
        count = 1 if jumped else round((last - first) / self._interval)
        starts = [first, *(last - back * self._interval for back in reversed(range(count)))]
        ends = [first + self._interval, *starts[2:], now]
        shares = []
        for start, end in zip(starts, ends, strict=True):
            shares.append((start, (end - since).total_seconds() / step_s))
            since = end
        return shares

    def _step(self, before: Snapshot | None, snapshot: Snapshot, limited: Mapping[str, float], passed_s: float) -> Step:
        seconds = passed_s if before is not None and passed_s <= LONGEST_STEP_S else 0.0
        if passed_s > LONGEST_AWAY_S:
            self._counters_kwh.clear()
        hours = seconds / 3600
        energy_kwh = {}
        for name in self._site.assets:
            power_kw = _mean(before.power_kw(name) if before is not None else None, snapshot.power_kw(name))
            if power_kw is not None:
                energy_kwh[name] = power_kw * hours
        grid_kwh = energy_kwh.get(self._grid, 0.0)
        import_kwh = self._counted(snapshot, "energy_import_kwh", max(grid_kwh, 0.0), passed_s)
        export_kwh = self._counted(snapshot, "energy_export_kwh", max(-grid_kwh, 0.0), passed_s)
        energy_kwh[self._grid] = import_kwh - export_kwh
        gas_kwh = sum(energy_kwh.get(name, 0.0) / share for name, share in self._per_gas.items())
        curtailed_kwh = sum(
            max(0.0, could_kw - (snapshot.power_kw(name) or 0.0)) * hours for name, could_kw in limited.items()
        )
        power_kw, reactive_kvar = snapshot.power_kw(self._grid), snapshot.value(self._grid, "reactive_power_kvar")
        both = power_kw is not None and reactive_kvar is not None
        return Step(
            seconds=seconds,
            factor_kwh=max(power_kw or 0.0, 0.0) * hours if both else 0.0,
            factor_kvarh=abs(reactive_kvar or 0.0) * hours if both else 0.0,
            energy_kwh=energy_kwh,
            import_kwh=import_kwh,
            export_kwh=export_kwh,
            gas_kwh=gas_kwh,
            curtailed_kwh=curtailed_kwh,
            limited=frozenset(limited),
            outdoor_degc=self._outdoor_degc(snapshot),
        )

    def _counted(self, snapshot: Snapshot, counter: str, integrated_kwh: float, passed_s: float) -> float:
        """Energy by a counter of the grid meter, or as integrated where the counter cannot be used."""
        now_kwh = snapshot.value(self._grid, counter)
        if now_kwh is None:
            self._counters_kwh.pop(counter, None)
            return integrated_kwh
        before_kwh = self._counters_kwh.get(counter)
        self._counters_kwh[counter] = now_kwh
        if before_kwh is None:
            return integrated_kwh
        moved_kwh = now_kwh - before_kwh
        limit_kw = max(self._connection.import_limit_kw, self._connection.export_limit_kw)
        most_kwh = COUNTER_SLACK * limit_kw * max(passed_s, self._interval.total_seconds()) / 3600
        return moved_kwh if 0 <= moved_kwh <= most_kwh else integrated_kwh

    def _outdoor_degc(self, snapshot: Snapshot) -> float | None:
        for name in self._site.of_kind(HeatPump):
            if self._site.point(name, "outdoor_degc") is not None:
                return snapshot.value(name, "outdoor_degc")
        return None

    def _add(self, running: Running, step: Step, share: float) -> None:
        running.covered_s += step.seconds * share
        for name, energy_kwh in step.energy_kwh.items():
            running.energy_kwh[name] = running.energy_kwh.get(name, 0.0) + energy_kwh * share
            running.measured_s[name] = running.measured_s.get(name, 0.0) + step.seconds * share
        for name in self._networks.keys() & step.energy_kwh.keys():
            energy_kwh = step.energy_kwh[name] * share
            running.bought_kwh[name] = running.bought_kwh.get(name, 0.0) + max(energy_kwh, 0.0)
            running.sold_kwh[name] = running.sold_kwh.get(name, 0.0) + max(-energy_kwh, 0.0)
        for name in self._batteries.keys() & step.energy_kwh.keys():
            discharged_kwh = max(step.energy_kwh[name] * share, 0.0)
            running.discharged_kwh[name] = running.discharged_kwh.get(name, 0.0) + discharged_kwh
        running.import_kwh += step.import_kwh * share
        running.export_kwh += step.export_kwh * share
        running.gas_kwh += step.gas_kwh * share
        running.curtailed_kwh += step.curtailed_kwh * share
        running.factor_kwh += step.factor_kwh * share
        running.factor_kvarh += step.factor_kvarh * share
        if share > 0:
            running.limited |= step.limited
        if step.outdoor_degc is not None:
            running.outdoor_degc_s += step.outdoor_degc * step.seconds * share
            running.outdoor_s += step.seconds * share

    def _close(self, running: Running) -> Interval:
        # an interval that a clock set back made longer is averaged over its true length
        peak_kw = running.import_kwh / (max(self._interval.total_seconds(), running.covered_s) / 3600)
        factor = self._totals.factor_before(running.start)
        hours = self._interval.total_seconds() / 3600
        heat = traded_in(self._networks, self._zone, running.start, hours, running.bought_kwh, running.sold_kwh)
        heat_kgce = float(heat.kgce.sum())
        bill = bill_of(
            self._calendar,
            running.start,
            hours=hours,
            import_kwh=running.import_kwh,
            export_kwh=running.export_kwh,
            gas_kwh=running.gas_kwh,
            mean_kw=peak_kw,
            month_peak_kw=self.month_peak_kw,
            used=self._totals.before(running.start),
            spot=self.spot,
            factor=factor,
            factor_kwh=running.factor_kwh,
            factor_kvarh=running.factor_kvarh,
            heat_cost=float(heat.cost.sum()),
            heat_co2_kg=float(heat.co2_kg.sum()),
        )
        self._month_peak_kw = max(self._month_peak_kw, peak_kw)
        renewable_kwh = sum(max(0.0, running.energy_kwh.get(name, 0.0)) for name in self._renewable)
        self._totals.add(
            running.start,
            running.start + self._interval,
            import_kwh=running.import_kwh,
            export_kwh=running.export_kwh,
            gas_kwh=running.gas_kwh,
            heat_kgce=heat_kgce,
            co2_kg=bill.co2_kg if bill is not None else None,
            available_kwh=renewable_kwh + running.curtailed_kwh,
            factor=bill.factor if bill is not None else factor,
            discharged_kwh=running.discharged_kwh,
        )
        return Interval(
            start=running.start,
            covered_s=running.covered_s,
            energy_kwh=dict(running.energy_kwh),
            import_kwh=running.import_kwh,
            export_kwh=running.export_kwh,
            gas_kwh=running.gas_kwh,
            curtailed_kwh=running.curtailed_kwh,
            bill=bill,
            bought_heat_kwh=sum(running.bought_kwh.values()),
            sold_heat_kwh=sum(running.sold_kwh.values()),
            tce=((running.import_kwh - running.export_kwh + running.gas_kwh) * KGCE_PER_KWH + heat_kgce) / 1000,
            peak_kw=peak_kw,
            mean_kw=self._means(running),
        )

    def _means(self, running: Running) -> dict[str, float | None]:
        """What the forecasts learn from: nothing that was measured for less than half of the interval."""
        enough_s = self._interval.total_seconds() / 2
        means: dict[str, float | None] = {}
        for name in forecast_for(self._site):
            measured_s = running.measured_s.get(name, 0.0)
            if measured_s >= enough_s:
                mean_kw = running.energy_kwh[name] / (measured_s / 3600)
                means[name] = None if name in running.limited else mean_kw
        if running.outdoor_s >= enough_s:
            means["outdoor_degc"] = running.outdoor_degc_s / running.outdoor_s
        return means


def _mean(before: float | None, now: float | None) -> float | None:
    if before is None or now is None:
        return now if before is None else before
    return (before + now) / 2
