"""The month's power factor, kept by inverters: worked by hand on the steel plant, whose battery has 2,500 kVA."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from park_builder import ParkBuilder, Values

from config.loader import example_site, load_site
from config.power_factor import PowerFactor
from controller.decision import AssetDecision, ReactiveDecision
from controller.modes import Mode
from controller.reactive import (
    DEADBAND,
    MARGIN,
    ROOM,
    MonthSoFar,
    allowed_tan,
    decide_reactive,
    target_of,
)

NEW = MonthSoFar(import_kwh=0.0, reactive_kvarh=0.0, elapsed_h=0.0, left_h=720.0)
TAN = math.tan(math.acos(0.95))
RULE = PowerFactor.model_validate(
    {
        "standard": 0.9,
        "bonus_per_hundredth": 0.0015,
        "most_bonus": 0.0075,
        "penalties": [{"below": 0.9, "per_hundredth": 0.005}],
    }
)


@pytest.fixture(scope="module")
def plant() -> ParkBuilder:
    """A battery of 2,500 kVA, and a roof of 2,000 kVA that may be told 0.44 of that."""
    return ParkBuilder(load_site(example_site("steel_plant")))


@pytest.fixture(scope="module")
def park(plant: ParkBuilder) -> ParkBuilder:
    """The same, whose roof is not told."""
    return plant.with_device("roof_inverter", write=("power_limit_kw",))


def told(
    park: ParkBuilder,
    values: Values,
    before: float | None = None,
    *,
    mode: Mode = Mode.OPTIMAL,
    target: float | None = 0.95,
    month: MonthSoFar = NEW,
    power_kw: float = 0.0,
) -> ReactiveDecision:
    decided = {"battery": AssetDecision(asset="battery", setpoint_kw=power_kw, owner="plan", reason="")}
    held = ReactiveDecision(asset="battery", setpoint_kvar=before, owner="power factor", reason="")
    earlier = {} if before is None else {"battery": held}
    return decide_reactive(park.snapshot(values), mode, decided, earlier, target, month)["battery"]


def taking(grid_kw: float, grid_kvar: float, own_kvar: float = 0.0, battery_kw: float = 0.0) -> Values:
    return {
        "grid": grid_kw,
        "grid.reactive_power_kvar": grid_kvar,
        "battery": battery_kw,
        "battery.reactive_power_kvar": own_kvar,
    }


def test_what_is_beyond_the_target_is_made_up_for(park: ParkBuilder) -> None:
    # 6000 kW leave 1972 kvar at 0.95, less the margin
    free_kvar = (1 - MARGIN) * TAN * 6000.0
    decided = told(park, taking(6000.0, 3000.0))
    assert decided.setpoint_kvar == pytest.approx(3000.0 - free_kvar, abs=0.1)
    assert decided.owner == "power factor"
    assert decided.reason.startswith("park takes +3000 kvar, 1873 are free at a target of 0.95")
    assert told(park, taking(6000.0, free_kvar - 1.0)).setpoint_kvar == 0.0


def test_what_it_gives_already_is_no_part_of_what_the_park_takes(park: ParkBuilder) -> None:
    # the same park, whose battery gives 1000 of its 3000
    first, later = (told(park, taking(6000.0, 3000.0 - own, own)) for own in (0.0, 1000.0))
    assert first.setpoint_kvar == later.setpoint_kvar


def test_leading_power_is_taken_as_well(park: ParkBuilder) -> None:
    decided = told(park, taking(6000.0, -3000.0))
    assert decided.setpoint_kvar == pytest.approx(-(3000.0 - (1 - MARGIN) * TAN * 6000.0), abs=0.1)


def test_while_the_park_exports_nothing_is_free(park: ParkBuilder) -> None:
    assert told(park, taking(-500.0, 400.0)).setpoint_kvar == pytest.approx(400.0, abs=0.1)


def test_active_power_has_the_right_of_way(park: ParkBuilder) -> None:
    room_kvar = ROOM * math.sqrt(2500.0**2 - 2000.0**2)
    # what it has now counts, and what it is told now
    assert told(park, taking(1000.0, 9000.0, battery_kw=-2000.0)).setpoint_kvar == pytest.approx(room_kvar, abs=0.1)
    assert told(park, taking(1000.0, 9000.0), power_kw=2000.0).setpoint_kvar == pytest.approx(room_kvar, abs=0.1)


def test_inverters_share_it_by_what_their_circles_and_ranges_leave(plant: ParkBuilder) -> None:
    """1,126.8 kvar beyond what is free: the battery has 2,400, its range, the roof 880 or, in full sun, none."""
    values = {**taking(6000.0, 3000.0), "roof.reactive_power_kvar": 0.0}
    wanted_kvar = 3000.0 - (1 - MARGIN) * TAN * 6000.0

    def shares(roof_kw: float) -> list[float | None]:
        seen = plant.snapshot({**values, "roof": roof_kw})
        decided = decide_reactive(seen, Mode.OPTIMAL, {}, {}, 0.95, NEW)
        return [decided[name].setpoint_kvar for name in ("battery", "roof")]

    rooms_kvar = (2400.0, 880.0)
    assert shares(0.0) == pytest.approx([wanted_kvar * room / sum(rooms_kvar) for room in rooms_kvar], abs=2.0)
    # 1,950 kW leave a circle of 2,000 kVA 444 kvar
    rooms_kvar = (2400.0, ROOM * math.sqrt(2000.0**2 - 1950.0**2))
    assert shares(1950.0) == pytest.approx([wanted_kvar * room / sum(rooms_kvar) for room in rooms_kvar], abs=2.0)
    assert shares(2000.0) == [pytest.approx(wanted_kvar, abs=2.0), 0.0]


def test_a_small_change_is_not_worth_a_write(park: ParkBuilder) -> None:
    wanted = told(park, taking(6000.0, 3000.0)).setpoint_kvar
    assert wanted is not None
    near = wanted + 0.9 * DEADBAND * 2500.0
    assert told(park, taking(6000.0, 3000.0), near).setpoint_kvar == near
    far = wanted + 1.1 * DEADBAND * 2500.0
    assert told(park, taking(6000.0, 3000.0), far).setpoint_kvar == wanted
    # but not where it no longer fits into the circle, or nothing is needed any more
    assert told(park, taking(6000.0, 3000.0), 2490.0, power_kw=1500.0).setpoint_kvar == wanted
    assert told(park, taking(6000.0, 100.0), 20.0).setpoint_kvar == 0.0


@pytest.mark.parametrize("lost", ["grid.reactive_power_kvar", "grid"])
def test_without_the_connection_s_meter_it_goes_to_its_safe_value(park: ParkBuilder, lost: str) -> None:
    decided = told(park, {**taking(6000.0, 3000.0), lost: None})
    assert (decided.setpoint_kvar, decided.owner) == (0.0, "safety")
    assert decided.reason == "the reactive power of the connection cannot be read"


def test_safe_values_in_modes_that_are_not_for_money(park: ParkBuilder) -> None:
    for mode in (Mode.SAFE, Mode.STOPPED, Mode.ISLANDED):
        assert told(park, taking(6000.0, 3000.0), mode=mode).setpoint_kvar == 0.0
    assert told(park, taking(6000.0, 3000.0), target=None).reason == "no power factor is asked for"


def test_a_unit_that_cannot_be_read_is_told_nothing(park: ParkBuilder) -> None:
    decided = told(park, {**taking(6000.0, 3000.0), "battery.reactive_power_kvar": None})
    assert (decided.setpoint_kvar, decided.owner) == (None, "unavailable")


# -- the month ---------------------------------------------------------------------------------------


def test_the_target_is_the_site_s_or_what_the_tariff_rewards(park: ParkBuilder) -> None:
    assert target_of(park.site, RULE) == 0.95  # the site's own
    name, grid = park.site.grid
    plain = park.with_file(assets={**park.site.assets, name: grid.model_copy(update={"power_factor_target": None})})
    assert target_of(plain.site, RULE) == pytest.approx(0.95)  # 0.75 % of bonus are reached five hundredths above
    assert target_of(plain.site, RULE.model_copy(update={"most_bonus": 0.0})) == pytest.approx(0.9)
    assert target_of(plain.site, None) is None


def test_a_bad_begin_is_made_up_for_over_the_rest_of_the_month() -> None:
    # ten days at a factor of 0.9 of thirty: the other twenty have to be so much better
    bad = MonthSoFar(import_kwh=240e3, reactive_kvarh=240e3 * 0.48432, elapsed_h=240.0, left_h=480.0)
    tan = allowed_tan(0.95, bad)
    assert tan == pytest.approx((TAN * 720e3 - bad.reactive_kvarh) / 480e3)
    assert tan < TAN
    total_kvarh = bad.reactive_kvarh + tan * 480e3
    assert 720e3 / math.hypot(720e3, total_kvarh) == pytest.approx(0.95)


def test_a_good_begin_is_no_reason_to_let_go() -> None:
    assert allowed_tan(0.95, MonthSoFar(import_kwh=240e3, reactive_kvarh=0.0, elapsed_h=240.0, left_h=480.0)) == TAN
    assert allowed_tan(0.95, NEW) == TAN


def test_the_last_evening_does_not_ask_for_the_impossible() -> None:
    late = MonthSoFar(import_kwh=719e3, reactive_kvarh=719e3 * 0.33, elapsed_h=719.0, left_h=1.0)
    # over a day: 24 h of the mean import
    assert allowed_tan(0.95, late) == pytest.approx((TAN * (719e3 + 24e3) - late.reactive_kvarh) / 24e3)
    lost = replace(late, reactive_kvarh=719e3)
    assert allowed_tan(0.95, lost) == 0.0


@settings(max_examples=300, deadline=None)
@given(
    grid_kw=st.floats(-3000, 14000),
    grid_kvar=st.floats(-9000, 9000),
    own_kvar=st.floats(-2500, 2500),
    battery_kw=st.floats(-2000, 2000),
    told_kw=st.floats(-2000, 2000),
    before=st.none() | st.floats(-2500, 2500),
)
def test_no_circle_is_left_and_the_factor_is_never_made_worse(
    park: ParkBuilder,
    grid_kw: float,
    grid_kvar: float,
    own_kvar: float,
    battery_kw: float,
    told_kw: float,
    before: float | None,
) -> None:
    decided = told(park, taking(grid_kw, grid_kvar, own_kvar, battery_kw), before, power_kw=told_kw)
    kvar = decided.setpoint_kvar
    assert kvar is not None
    assert kvar**2 + max(abs(battery_kw), abs(told_kw)) ** 2 <= 2500.0**2 * (1 + 1e-9)
    park_kvar = grid_kvar + own_kvar
    assert abs(park_kvar - kvar) <= abs(park_kvar) + DEADBAND * 2500.0
