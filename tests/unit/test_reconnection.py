"""An island comes back on permission only: the hydrogen park's relay waits for a release."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from park_builder import NOON, ParkBuilder, Values

from config.loader import example_site, load_site
from controller.decision import ReleaseDecision
from controller.modes import Mode
from controller.override import Override
from controller.reconnection import release_of

OPEN: Values = {"grid.breaker_closed": 0.0}


@pytest.fixture(scope="module")
def park() -> ParkBuilder:
    return ParkBuilder(load_site(example_site("hydrogen_park")))


@pytest.fixture(scope="module")
def unwired() -> ParkBuilder:
    """Whose grid operator has no word in it."""
    site = load_site(example_site("hydrogen_park"))
    meter = tuple(point for point in site.points["grid_meter"] if point.name != "reconnection_permitted")
    return ParkBuilder(replace(site, points={**site.points, "grid_meter": meter}))


def release(
    park: ParkBuilder, values: Values, held: float | None = None, mode: Mode = Mode.ISLANDED
) -> ReleaseDecision:
    overrides = {}
    if held is not None:
        until = NOON + timedelta(minutes=15)
        overrides["grid"] = Override(asset="grid", value_kw=held, owner="Li", reason="line is clear", until=until)
    found = release_of(park.snapshot(values), mode, overrides)
    assert found is not None
    return found


def test_a_closed_breaker_is_released_for_nothing(park: ParkBuilder) -> None:
    for shown in (1.0, None):
        found = release(park, {"grid.breaker_closed": shown, "grid.reconnection_permitted": 1.0}, held=1.0)
        assert (found.released, found.owner) == (False, "safety")


@pytest.mark.parametrize(
    ("permitted", "held", "released", "owner"),
    [
        (1.0, None, True, "grid operator"),
        (0.0, None, False, "grid operator"),
        (None, None, False, "grid operator"),
        # nobody can release what the grid operator does not permit
        (0.0, 1.0, False, "grid operator"),
        (None, 1.0, False, "grid operator"),
        # and a person can wait longer
        (1.0, 0.0, False, "operator"),
        (1.0, 1.0, True, "operator"),
    ],
)
@pytest.mark.parametrize("mode", [Mode.ISLANDED, Mode.SAFE])
def test_the_grid_operator_has_the_first_word(
    park: ParkBuilder, permitted: float | None, held: float | None, released: bool, owner: str, mode: Mode
) -> None:
    found = release(park, {**OPEN, "grid.reconnection_permitted": permitted}, held, mode)
    assert (found.released, found.owner) == (released, owner)


def test_without_a_word_of_the_grid_operator_a_person_permits(unwired: ParkBuilder) -> None:
    waits = release(unwired, OPEN)
    assert (waits.released, waits.reason) == (False, "waits for an operator to set grid to 1")
    permits = release(unwired, OPEN, held=1.0)
    assert (permits.released, permits.owner, permits.reason) == (True, "operator", "Li: line is clear")
    assert not release(unwired, OPEN, held=0.0).released


def test_a_controller_that_stops_releases_nothing(park: ParkBuilder) -> None:
    assert not release(park, {**OPEN, "grid.reconnection_permitted": 1.0}, held=1.0, mode=Mode.STOPPED).released


def test_a_relay_that_waits_for_nobody_is_told_nothing() -> None:
    demo = ParkBuilder(load_site(example_site("demo_park")))
    assert release_of(demo.snapshot({}), Mode.OPTIMAL, {}) is None
