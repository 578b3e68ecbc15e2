"""The simulated park without servers and without a controller, as fast as the machine goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.site import Site
from simulators.command_log import CommandLog
from simulators.faults.book import Entry, FaultBook
from simulators.faults.kinds import BreakerOpen, Fault, Reboot, Trip
from simulators.faults.outages import PhysicalFaults, Stopped
from simulators.faults.standing import Standing
from simulators.furnished import Furnished
from simulators.ledger import INTERVAL_S
from simulators.past import write_history
from simulators.plant import Plant
from simulators.process import HISTORY_DAYS
from simulators.scenarios.conditions import surroundings_in
from simulators.scenarios.marks import told
from simulators.scenarios.scenario import Scenario
from simulators.seats import seats_of
from simulators.surroundings import simulation_of
from simulators.truth import write_truth

SHORTEST = timedelta(seconds=1)
"""A fault that began when it should have been over already stands for so long; with servers it would be one tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattended:
    """A run of a park that nobody commands. With a scenario, its start and seed count."""

    site: Site
    lasts: timedelta
    start: datetime | None = None
    """Aware; the site file's when not given."""
    seed: int | None = None
    """The site file's when not given."""
    scenario: Scenario | None = None
    faults: tuple[Fault, ...] = ()
    """Checked ones; those of the scenario come on top."""
    truth: Path | None = None
    """Where to write what happened (`simulators.truth`)."""
    history: Path | None = None
    """Where to write the measurements of the days before (`simulators.past`)."""


def run_unattended(run: Unattended, passed: Callable[[timedelta], None] = lambda _: None) -> Plant:
    """Simulate it, and write what happened. Equal runs give equal files, byte by byte.

    `passed` is told of each piece of the park's time, a quarter of an hour at most.

    Raises ValueError for a site that cannot be simulated or two faults of one name, OSError for a file that cannot be
    written.
    """
    site, scenario, simulation = run.site, run.scenario, simulation_of(run.site)
    start = scenario.start if scenario is not None else run.start or simulation.start
    seed = scenario.seed if scenario is not None else simulation.seed if run.seed is None else run.seed
    script = (*(scenario.faults if scenario is not None else ()), *run.faults)
    book = FaultBook(site, start=start, seed=seed, script=script, breaker=True)
    plant = Plant(site, start=start, seed=seed, controlled=False, surroundings=surroundings_in(site, seed, scenario))
    if run.history is not None:
        write_history(site, start, HISTORY_DAYS, run.history, seed)
    _live_through(site, plant, book, plant.now + run.lasts, passed)
    if run.truth is not None:
        # a park that nobody commands is the park without control
        told_of = None if scenario is None else told(scenario)
        write_truth(run.truth, plant, plant, CommandLog(plant, None), book, scenario=told_of)
    return plant


def _live_through(
    site: Site, plant: Plant, book: FaultBook, end: datetime, passed: Callable[[timedelta], None]
) -> None:
    """Go on to `end`, from one change of the faults to the next, and from one quarter of an hour to the next."""
    stopped = Stopped(Furnished(site, plant))
    physical = PhysicalFaults(stopped, plant)
    while (now := plant.now) < end:
        standing = book.advance(now, plant.values)
        physical.act(standing)
        _reboot(site, stopped, standing)
        until = min(end, book.next_change(now) or end, _next_bound(now))
        if any(_is_late(entry, now) for entry in book.entries()):
            until = min(until, now + SHORTEST)
        plant.advance((until - now).total_seconds())
        passed(until - now)


def _next_bound(now: datetime) -> datetime:
    """The end of the running interval: the plant's own steps end there in any case."""
    interval = timedelta(seconds=INTERVAL_S)
    return now + interval - (now - datetime(1970, 1, 1, tzinfo=UTC)) % interval


def _is_late(entry: Entry, now: datetime) -> bool:
    return entry.state == "standing" and entry.end is not None and entry.end <= now


def _reboot(site: Site, stopped: Stopped, standing: Iterable[Standing]) -> None:
    """A device that boots is gone with all that is behind its port, and has no power meanwhile."""
    targets = {one.fault.target for one in standing if isinstance(one.fault, Reboot)}
    for seat in seats_of(site):
        for device in seat.devices:
            stopped.set(device, "boots", not targets.isdisjoint(seat.devices))


def unseen(faults: Iterable[Fault]) -> list[Fault]:
    """Those that nobody sees in a run without servers: of lines, of answers and of commands."""
    return [fault for fault in faults if not isinstance(fault, Trip | Reboot | BreakerOpen)]
