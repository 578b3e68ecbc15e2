"""Values that have stopped moving, and a balance that has stopped closing: the demo park, second by second."""

from __future__ import annotations

from collections.abc import Callable

from park_builder import ParkBuilder

from controller.measurement_watch import AVERAGED_S, FROZEN_S, MOVES, MeasurementWatch
from controller.records import balance_residual_kw


def frozen_after(park: ParkBuilder, hall_kw: Callable[[int], float | None], seconds: int) -> dict[str, str]:
    watch = MeasurementWatch()
    found: dict[str, str] = {}
    for second in range(0, seconds, 10):
        found = watch.frozen(park.snapshot({"hall_1": hall_kw(second)}, site_s=float(second)))
    return found


def test_a_value_that_moved_and_then_does_not_is_frozen(park: ParkBuilder) -> None:
    stops = 10 * (MOVES + 1)

    def hall_kw(second: int) -> float:
        return 300.0 + min(second, stops) % 70

    assert frozen_after(park, hall_kw, stops + int(FROZEN_S)) == {}
    found = frozen_after(park, hall_kw, stops + int(FROZEN_S) + 20)
    assert list(found) == ["hall_1"]
    assert found["hall_1"].endswith("kW for 15 min")


def test_a_steady_load_on_a_coarse_meter_is_not(park: ParkBuilder) -> None:
    assert frozen_after(park, lambda second: 300.0 + (second // 600) % 2, 7200) == {}


def test_what_rests_at_zero_and_what_is_told_something_is_not(park: ParkBuilder) -> None:
    stops = 10 * (MOVES + 1)
    assert frozen_after(park, lambda second: float(second % 70) if second < stops else 0.0, 7200) == {}
    watch = MeasurementWatch()
    found: dict[str, str] = {}
    for second in range(0, 7200, 10):
        kw = float(second % 70) if second < stops else 400.0
        found = watch.frozen(park.snapshot({"battery": kw, "pv_a": abs(kw)}, site_s=float(second)))
    assert found == {}


def test_a_value_that_was_lost_begins_anew(park: ParkBuilder) -> None:
    stops = 10 * (MOVES + 1)

    def hall_kw(second: int) -> float | None:
        if second == stops:
            return None
        return 300.0 + (second % 70 if second < stops else 0)

    assert frozen_after(park, hall_kw, 7200) == {}


def off(park: ParkBuilder, grid_kw: Callable[[int], float | None], seconds: int) -> list[int]:
    """The seconds in which the balance is said to be wrong, with 500 kW of load in hall 1."""
    watch = MeasurementWatch()
    said = []
    for second in range(seconds):
        snapshot = park.snapshot({"grid": grid_kw(second), "hall_1": 500.0}, site_s=float(second))
        if watch.imbalance(snapshot, balance_residual_kw(snapshot)):
            said.append(second)
    return said


def test_what_was_always_left_is_usual(park: ParkBuilder) -> None:
    # 200 kW that nobody measures
    assert off(park, lambda second: 700.0, 600) == []


def test_a_meter_that_begins_to_lie_is_said_within_minutes(park: ParkBuilder) -> None:
    said = off(park, lambda second: 500.0 if second < 100 else 700.0, 400)
    assert 100 < said[0] < 100 + 2 * AVERAGED_S
    assert said == list(range(said[0], 400))


def test_a_value_of_another_moment_is_none(park: ParkBuilder) -> None:
    # 200 kW too much and too little by turns: averaged over a minute
    assert off(park, lambda second: 500.0 + 200.0 * (-1) ** second, 600) == []


def test_what_stays_so_becomes_usual(park: ParkBuilder) -> None:
    said = off(park, lambda second: 500.0 if second < 100 else 700.0, 30_000)
    assert said[-1] < 20_000


def test_what_cannot_be_read_says_nothing(park: ParkBuilder) -> None:
    assert off(park, lambda second: 500.0 if second < 100 else None, 400) == []
    # and what comes back is held against what was usual
    assert off(park, lambda second: 500.0 if second < 100 else None if second < 200 else 900.0, 500) != []
