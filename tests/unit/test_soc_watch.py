"""A state of charge against counted energy: the demo park's battery of 2,000 kWh, 94 % either way."""

from __future__ import annotations

import pytest
from park_builder import ParkBuilder

from controller.soc_watch import SocWatch


def watched(park: ParkBuilder, seconds: int, *, power_kw: float, shown: float, rises: float = 0.0) -> tuple[int, str]:
    """When something is said first, and what; -1 for never. The state that is shown rises by so much an hour."""
    watch = SocWatch()
    for second in range(0, seconds, 5):
        soc = shown + rises * second / 3600.0
        found = watch.update(park.snapshot({"battery": power_kw, "battery.soc": soc}, site_s=float(second)))
        if found:
            return second, found["battery"]
    return -1, ""


def test_a_state_that_goes_with_the_energy_is_right(park: ParkBuilder) -> None:
    """1,000 kW charged are 940 kWh an hour: 47 % of the capacity."""
    assert watched(park, 3000, power_kw=-1000.0, shown=0.3, rises=0.47)[0] == -1
    assert watched(park, 3000, power_kw=940.0, shown=0.8, rises=-0.5)[0] == -1
    assert watched(park, 3000, power_kw=0.0, shown=0.5)[0] == -1


def test_efficiencies_that_are_a_little_off_are_no_lie(park: ParkBuilder) -> None:
    assert watched(park, 6 * 3600, power_kw=-200.0, shown=0.2, rises=0.09)[0] == -1


def test_a_frozen_state_is_found_once_it_is_5_percent_off(park: ParkBuilder) -> None:
    """At 47 % an hour after some 400 s."""
    second, words = watched(park, 3000, power_kw=-1000.0, shown=0.5)
    assert second == pytest.approx(3600 * 0.05 / 0.47, abs=30)
    assert words.startswith("SOC 50.0% is shown, 55.")


def test_a_jump_is_found_and_forgotten_in_time(park: ParkBuilder) -> None:
    watch = SocWatch()
    said = []
    for second in range(0, 3600, 10):
        soc = 0.5 if second < 100 else 0.57
        said.append(bool(watch.update(park.snapshot({"battery.soc": soc}, site_s=float(second)))))
    assert said.index(True) == 10
    # 7 % fade to 5 % in 3600 s * ln(7 / 5)
    assert 10 * (sum(said) - 1) == pytest.approx(3600 * 0.336, abs=30)


def test_a_gap_begins_the_count_anew(park: ParkBuilder) -> None:
    watch = SocWatch()
    watch.update(park.snapshot({"battery": -1000.0, "battery.soc": 0.2}))
    assert watch.update(park.snapshot({"battery": -1000.0, "battery.soc": 0.5}, site_s=144.0)) == {}
    assert watch.update(park.snapshot({"battery.soc": None}, site_s=145.0)) == {}
    assert watch.update(park.snapshot({"battery.soc": 0.9}, site_s=146.0)) == {}
