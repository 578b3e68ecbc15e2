"""When which points are read: their periods, their spreading, and a line that is too slow for them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from gateway import site_of
from pydantic import ValidationError

from config.site import Device, Site
from controller.read_schedule import ReadSchedule


def site(count: int = 1, cycle_s: float = 1.0, **device: Any) -> Site:
    line = {"protocol": "modbus", "host": "127.0.0.1"}
    devices = {f"meter_{number}": {"connection": "line", **device} for number in range(count)}
    return site_of({"line": line}, devices, cycle_s=cycle_s)


def taken(schedule: ReadSchedule) -> dict[str, set[str]]:
    """The devices that are wanted now, in order, and the points of each."""
    found: dict[str, set[str]] = {}
    while (due := schedule.take()) is not None:
        device, points = due
        assert device not in found
        found[device] = {point.name for point in points}
    return found


FAST = {"active_power_kw"}
SLOW = {"energy_import_kwh", "power_limit_kw"}


def test_everything_is_read_at_first() -> None:
    schedule = ReadSchedule(site(3), ["meter_0", "meter_1", "meter_2"])
    assert taken(schedule) == {}
    assert schedule.tick(100.0)
    assert taken(schedule) == {f"meter_{number}": FAST | SLOW for number in range(3)}
    assert taken(schedule) == {}


@pytest.mark.parametrize(("device", "fast", "slow"), [({}, 100, 20), ({"fast_s": 2, "slow_s": 10}, 50, 10)])
def test_each_class_keeps_its_period(device: dict[str, float], fast: int, slow: int) -> None:
    schedule = ReadSchedule(site(**device), ["meter_0"])
    schedule.tick(0.0)
    taken(schedule)
    reads = []
    for cycle in range(1, 101):
        # cycles come a little early and a little late
        schedule.tick(cycle + (0.04 if cycle % 3 else -0.04))
        reads += list(taken(schedule).values())
    assert sum("active_power_kw" in names for names in reads) in (fast, fast + 1)
    assert sum("energy_import_kwh" in names for names in reads) in (slow, slow + 1)
    assert all(names in (FAST, SLOW, FAST | SLOW) for names in reads)


def test_a_period_that_is_no_multiple_of_the_cycle_is_kept_on_average() -> None:
    schedule = ReadSchedule(site(fast_s=2.5, slow_s=1000), ["meter_0"])
    schedule.tick(0.0)
    taken(schedule)
    ticks = []
    for cycle in range(1, 101):
        schedule.tick(float(cycle))
        if taken(schedule):
            ticks.append(cycle)
    assert len(ticks) in (40, 41)
    assert max(later - earlier for earlier, later in pairwise(ticks)) <= 3


def test_devices_of_one_period_are_spread_over_it() -> None:
    names = [f"meter_{number}" for number in range(20)]
    schedule = ReadSchedule(site(20, fast_s=5, slow_s=1000), names)
    schedule.tick(0.0)
    assert len(taken(schedule)) == 20
    counts = []
    for cycle in range(1, 31):
        schedule.tick(float(cycle))
        counts.append(len(taken(schedule)))
    assert all(3 <= count <= 5 for count in counts[5:]), counts


def test_a_line_that_is_too_slow_serves_all_in_turn() -> None:
    names = [f"meter_{number}" for number in range(4)]
    schedule = ReadSchedule(site(4), names)
    served = []
    for cycle in range(30):
        schedule.tick(float(cycle))
        # there is time for one device in a cycle
        due = schedule.take()
        assert due is not None
        served.append(due[0])
    assert served[:8] == names * 2
    assert {name: served.count(name) for name in names} == {names[0]: 8, names[1]: 8, names[2]: 7, names[3]: 7}
    # what was due meanwhile is read once and not once for each time that it was due
    assert len(taken(schedule)) <= 4


def test_slow_points_that_became_due_while_a_device_waited_are_read_with_it() -> None:
    schedule = ReadSchedule(site(slow_s=3), ["meter_0"])
    schedule.tick(0.0)
    taken(schedule)
    for cycle in range(1, 8):
        schedule.tick(float(cycle))
    assert taken(schedule) == {"meter_0": FAST | SLOW}


def test_a_device_that_is_busy_is_passed_over_and_stays_wanted() -> None:
    schedule = ReadSchedule(site(2), ["meter_0", "meter_1"])
    schedule.tick(0.0)
    found = schedule.take(but_not={"meter_0"})
    assert found is not None
    assert found[0] == "meter_1"
    assert schedule.take(but_not={"meter_0"}) is None
    assert taken(schedule).keys() == {"meter_0"}


def test_after_a_pause_a_device_is_read_once_and_keeps_its_period_from_then_on() -> None:
    schedule = ReadSchedule(site(fast_s=5, slow_s=5), ["meter_0"])
    schedule.tick(0.0)
    taken(schedule)
    schedule.tick(1000.0)
    assert taken(schedule).keys() == {"meter_0"}
    due = []
    for cycle in range(1001, 1012):
        if schedule.tick(float(cycle)):
            due.append(cycle - 1000)
            taken(schedule)
    assert due == [5, 10]


# -- what the site file says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "fast_s", "slow_s"),
    [
        ({}, 10.0, 15.0),
        ({"max_age_s": 3}, 3.0, 15.0),
        ({"max_age_s": 3, "fast_s": 5}, 15.0, 15.0),
        ({"max_age_s": 3, "fast_s": 30}, 90.0, 90.0),
        ({"slow_s": 60}, 10.0, 180.0),
        ({"slow_s": 1}, 10.0, 10.0),
        ({"max_age_s": 300, "fast_s": 5, "slow_s": 60}, 300.0, 300.0),
    ],
)
def test_a_value_outlives_two_of_its_reads(keys: dict[str, float], fast_s: float, slow_s: float) -> None:
    one = site(**keys)
    ages = {point.name: one.max_age_s(point) for point in one.points["meter_0"]}
    assert (ages["active_power_kw"], ages["energy_import_kwh"]) == (fast_s, slow_s)


def test_slow_points_are_not_read_more_often_than_fast_ones() -> None:
    with pytest.raises(ValidationError, match="slow_s should be at least fast_s, which is 10, not 3"):
        Device(connection="line", profile="meter", fast_s=10, slow_s=3)
    assert Device(connection="line", profile="meter", fast_s=10).slow_period_s == 10.0
    assert Device(connection="line", profile="meter", fast_s=3).slow_period_s == 5.0
