"""The process of the simulated park: from its start to its end, and what it leaves."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from config.clock import ScaledClock
from config.runtime import park_socket
from config.site import Site
from simulators.command_log import CommandLog
from simulators.control import ControlSocket
from simulators.faults.book import FaultBook
from simulators.faults.outages import PhysicalFaults, Stopped
from simulators.faults.script import load_script
from simulators.park import Park
from simulators.past import write_history
from simulators.plant import Plant
from simulators.scenarios.conditions import surroundings_in
from simulators.scenarios.marks import told
from simulators.scenarios.scenario import Scenario
from simulators.servers import quiet
from simulators.stepping import Stepping
from simulators.truth import write_truth

TICK_S = 0.1
"""Real seconds between two steps of the plant: ten times finer than the usual control cycle."""

HISTORY_DAYS = 15
"""Two weeks and a day: what a forecast from last week's same day needs twice over."""


class BadOptions(ValueError):
    """A park that cannot be run as asked; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkOptions:
    """How to run the simulated park of a site. Raises BadOptions."""

    site: Site
    speed: float = 1.0
    """Seconds of the park's physics and calendar per real second."""
    stepped: bool = False
    """The park's time stands until a command moves it (`simulators.stepping`); `speed` has no meaning then."""
    start: datetime | None = None
    """The park's time at the start, aware; the site file's when not given."""
    seed: int | None = None
    """Of weather and loads; the site file's when not given."""
    announce: Path | None = None
    """Where to say what listens where (`config.announcement`), once everything does."""
    free_ports: bool = False
    """Listen on free ports rather than on those of the site file. Always on the loopback interface."""
    broker: tuple[str, int] | None = None
    """Host and port of the MQTT broker to use; the park brings its own when not given."""
    apart: tuple[str, ...] = ()
    """Devices that run in processes of their own."""
    restart_after_s: float = 10.0
    """Real seconds after which a dead device process or broker is started again; 0 leaves it dead."""
    truth: Path | None = None
    """Where to write what really happened, at the end (`simulators.truth`). Beside it, with ``.commands.jsonl``
    appended to its name, every command goes as it comes."""
    history: Path | None = None
    """Where to write the measurements of the days before, before the announcement (`simulators.past`)."""
    faults: Path | None = None
    """A script of faults (`simulators.faults.script`); commands may bring more."""
    scenario: Scenario | None = None
    """What is different in this run; its start and seed count then. `site` has its own prices and limits all the same:
    those of the scenario go to the controller, with the announcement."""
    lasts: timedelta | None = None
    """The park's time after which it ends by itself; never when not given."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the park when set."""

    def __post_init__(self) -> None:
        if self.site.file.simulation is None:
            raise BadOptions(f"site {self.site.name} has no 'simulation'")
        if not (self.speed > 0 and math.isfinite(self.speed)):
            raise BadOptions(f"speed must be above 0, not {self.speed:g}")
        if self.stepped and self.speed != 1:
            raise BadOptions("a park that is stepped has no speed")
        if self.stepped and self.lasts is not None:
            raise BadOptions("a park that is stepped goes as far as it is told to, and does not end by itself")
        if self.stepped and self.apart:
            raise BadOptions(
                f"{', '.join(self.apart)} cannot run apart in a park that is stepped: its time is there only"
            )
        if self.restart_after_s < 0:
            raise BadOptions(f"restart_after_s must not be below 0, not {self.restart_after_s:g}")
        if unknown := sorted(set(self.apart) - self.site.devices.keys()):
            known = ", ".join(self.site.devices)
            raise BadOptions(f"there is no device {', '.join(unknown)} to run apart; known are {known}")


@dataclass(frozen=True, slots=True)
class _Physics:
    """The park, and the same park without control."""

    plant: Plant
    alone: Plant
    faults: FaultBook
    start: datetime

    def timer_s(self) -> float:
        """Seconds of the park since its start."""
        return (self.plant.now - self.start).total_seconds()


def _physics(options: ParkOptions) -> _Physics:
    """Build both parks, read the faults and write the history.

    Takes seconds, most of them to load the libraries of the physics.
    """
    simulation = options.site.file.simulation
    assert simulation is not None
    start = options.start or simulation.start
    seed = simulation.seed if options.seed is None else options.seed
    if options.scenario is not None:
        start, seed = options.scenario.start, options.scenario.seed
    surroundings = surroundings_in(options.site, seed, options.scenario)
    plant = Plant(options.site, start=start, seed=seed, surroundings=surroundings)
    able = {"own_broker": options.broker is None, "breaker": True}
    script = () if options.scenario is None else options.scenario.faults
    if options.faults is not None:
        script += load_script(options.faults, options.site, **able)
    faults = FaultBook(options.site, start=start, seed=seed, script=script, **able)
    alone = Plant(options.site, start=start, seed=seed, controlled=False, surroundings=surroundings)
    if options.history is not None:
        write_history(options.site, start, HISTORY_DAYS, options.history, seed)
    return _Physics(plant, alone, faults, plant.now)


async def run_park(options: ParkOptions) -> None:
    """Run the park until `options.stop` is set.

    Raises ValueError for a site that cannot be simulated, SiteError for a fault script that cannot be used, OSError for
    an address that cannot be had or a file that cannot be written, BrokerDown.
    """
    await _run(options, _physics(options))


async def _run(options: ParkOptions, physics: _Physics) -> None:
    truth = options.truth
    log = CommandLog(physics.plant, None if truth is None else truth.with_name(truth.name + ".commands.jsonl"))
    clock = _clock(options, physics)

    def announce() -> None:
        if options.announce is not None:
            terms = None if options.scenario is None else options.scenario.terms
            park.announcement(clock, control.path, terms).write(options.announce)

    park = Park(
        options.site,
        log,
        free_ports=options.free_ports,
        apart=options.apart,
        restart_after_s=options.restart_after_s,
        changed=announce,
        faults=physics.faults,
        switchgear=physics.plant,
        # or what control is worth could not be told from what an outage costs
        alongside=PhysicalFaults(Stopped(physics.alone), physics.alone),
        timer_s=physics.timer_s if options.stepped else time.monotonic,
    )
    stepping = Stepping((physics.plant, physics.alone), park, options.stop) if options.stepped else None
    control = ControlSocket(
        park_socket(os.getpid()),
        physics.faults,
        lambda: physics.plant.now,
        clock.speed,
        None if stepping is None else stepping.advance,
    )
    try:
        await park.start(options.broker)
        await control.open()
        # the park's time begins when it can be seen
        clock = _clock(options, physics)
        announce()
        if stepping is None:
            await _follow(park, physics, clock, options)
        else:
            await _stand(stepping, options.stop)
    finally:
        await control.close()
        await park.stop()
        log.close()
        if truth is not None:
            told_of = None if options.scenario is None else told(options.scenario)
            write_truth(truth, physics.plant, physics.alone, log, physics.faults, scenario=told_of)


def _clock(options: ParkOptions, physics: _Physics) -> ScaledClock:
    return ScaledClock(
        start=physics.plant.now, origin_s=time.monotonic(), speed=0.0 if options.stepped else options.speed
    )


async def _follow(park: Park, physics: _Physics, clock: ScaledClock, options: ParkOptions) -> None:
    """Keep the plants at the clock's time, on a fixed grid of real time; ticks that were missed are left out."""
    ticks, stop = 0, options.stop
    end = None if options.lasts is None else clock.start + options.lasts
    while not stop.is_set() and (end is None or physics.plant.now < end):
        until = clock.now() if end is None else min(clock.now(), end)
        behind_s = (until - physics.plant.now).total_seconds()
        if behind_s > 0:
            physics.plant.advance(behind_s)
            physics.alone.advance(behind_s)
        await park.tick()
        since_s = time.monotonic() - clock.origin_s
        ticks = max(ticks + 1, math.ceil(since_s / TICK_S))
        await _wait(stop, max(ticks * TICK_S - since_s, 0))


async def _stand(stepping: Stepping, stop: asyncio.Event) -> None:
    """Leave time to those who step."""
    while not stop.is_set():
        await stepping.stand()
        await _wait(stop, TICK_S)


async def _wait(stop: asyncio.Event, lasts_s: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), lasts_s)


def main_park(options: ParkOptions) -> None:
    """Run the park until SIGTERM or SIGINT. Raises what `run_park` raises."""
    quiet()
    try:
        # before the signal handlers: as long as nothing listens, there is nothing to end in order
        physics = _physics(options)
    except KeyboardInterrupt:
        return

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, options.stop.set)
        await _run(options, physics)

    asyncio.run(run())
