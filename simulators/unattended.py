"""The simulated park without servers and without a controller, as fast as the machine goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from config.site import Site
from simulators.command_log import CommandLog
from simulators.faults.book import FaultBook
from simulators.past import write_history
from simulators.plant import Plant
from simulators.process import HISTORY_DAYS
from simulators.scenarios.conditions import surroundings_in
from simulators.scenarios.marks import told
from simulators.scenarios.scenario import Scenario
from simulators.surroundings import simulation_of
from simulators.truth import write_truth


def run_unattended(
    site: Site,
    *,
    lasts: timedelta,
    start: datetime | None = None,
    seed: int | None = None,
    scenario: Scenario | None = None,
    truth: Path | None = None,
    history: Path | None = None,
) -> Plant:
    """Simulate a park that nobody commands, and write what happened.

    Equal arguments give equal files, byte by byte. With a scenario, `start` and `seed` are the scenario's.
    Raises ValueError for a site that cannot be simulated, OSError for a file that cannot be written.
    """
    simulation = simulation_of(site)
    begin = scenario.start if scenario is not None else start or simulation.start
    dice = scenario.seed if scenario is not None else simulation.seed if seed is None else seed
    plant = Plant(site, start=begin, seed=dice, controlled=False, surroundings=surroundings_in(site, dice, scenario))
    if history is not None:
        write_history(site, begin, HISTORY_DAYS, history, dice)
    plant.advance(lasts.total_seconds())
    if truth is not None:
        book = FaultBook(site, start=begin, seed=dice)
        # a park that nobody commands is the park without control
        told_of = None if scenario is None else told(scenario)
        write_truth(truth, plant, plant, CommandLog(plant, None), book, scenario=told_of)
    return plant
