"""What the park may take and feed now: contract, transformer and orders, worked by hand."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from park_builder import ParkBuilder, Values, told

from config.grid_operator import CONTACTS, OperatorLimit
from config.loader import example_site, load_site
from config.terms import on_limits
from controller.conditions import Health, conditions
from controller.limits import Limits, limits_now
from controller.modes import Mode
from controller.override import Override
from simulators.operator_limit import OperatorLimitModel

CONTRACT = (14000.0, 2000.0)


@pytest.fixture(scope="module")
def steel() -> ParkBuilder:
    """14 MW import, 2 MW export, a transformer of 16 MVA, and contacts for 2 MW installed."""
    return ParkBuilder(load_site(example_site("steel_plant")))


@pytest.fixture(scope="module")
def hydrogen() -> ParkBuilder:
    """4 MW import, 2.5 MW export, and orders in kW for both; it may always take 1.5 MW."""
    return ParkBuilder(load_site(example_site("hydrogen_park")))


def contacts(*closed: int, **values: float | None) -> Values:
    shown = {point: float(round(share * 100) in closed) for point, share in CONTACTS.items()}
    return {f"grid_operator.{point}": value for point, value in {**shown, **values}.items()}


def kw(limits: Limits) -> tuple[float, float]:
    return limits.imports.kw, limits.exports.kw


@pytest.mark.parametrize(("closed", "export_kw"), [(100, 2000.0), (60, 1200.0), (30, 600.0), (0, 0.0)])
def test_a_contact_stands_for_its_share_of_the_installed_power(
    steel: ParkBuilder, closed: int, export_kw: float
) -> None:
    limits = limits_now(steel.snapshot(contacts(closed)))
    assert kw(limits) == (14000.0, pytest.approx(export_kw))
    assert limits.unreadable == {}
    ordered = None if closed == 100 else pytest.approx(export_kw)
    assert limits.ordered == (None, ordered)


def test_a_contact_that_cannot_be_read_is_in_force(steel: ParkBuilder) -> None:
    limits = limits_now(steel.snapshot(contacts(100, feed_in_contact_30=None)))
    assert kw(limits) == (14000.0, 0.0)
    assert limits.unreadable == {"grid_operator": "feed_in_contact_30 cannot be read"}
    assert limits.exports.reason == "grid_operator cannot be read, so feeding no more than 0 kW is in force"


def test_contacts_that_are_too_old_are_in_force(steel: ParkBuilder) -> None:
    ages_s = {f"grid_operator.{point}": 5.5 for point in CONTACTS}  # its max_age_s is 5
    assert limits_now(steel.snapshot(contacts(100), ages_s=ages_s)).exports.kw == 0.0


def test_no_contact_is_a_broken_wire(steel: ParkBuilder) -> None:
    limits = limits_now(steel.snapshot(contacts()))
    assert (limits.exports.kw, limits.unreadable) == (0.0, {"grid_operator": "no contact is closed"})


def test_of_two_contacts_the_stricter_counts_and_is_told(steel: ParkBuilder) -> None:
    limits = limits_now(steel.snapshot(contacts(60, 30)))
    assert limits.exports.kw == pytest.approx(600.0)
    assert "are closed at once" in limits.unreadable["grid_operator"]


def test_without_a_contact_for_all_none_means_all(steel: ParkBuilder) -> None:
    points = dict(steel.site.points)
    points["ripple_receiver"] = tuple(
        point for point in points["ripple_receiver"] if point.name != "feed_in_contact_100"
    )
    three = ParkBuilder(replace(steel.site, points=points))
    shown = {f"grid_operator.feed_in_contact_{share}": 0.0 for share in (0, 30, 60)}
    assert limits_now(three.snapshot(shown)).exports.kw == 2000.0


def test_what_may_be_fed_in_any_case_is_never_ordered_away(steel: ParkBuilder) -> None:
    assets = dict(steel.site.assets)
    receiver = assets["grid_operator"]
    assert isinstance(receiver, OperatorLimit)
    assets["grid_operator"] = receiver.model_copy(update={"least_feed_in_share": 0.2})
    kept = steel.with_file(assets=assets)
    assert limits_now(kept.snapshot(contacts(0))).exports.kw == pytest.approx(400.0)
    assert limits_now(kept.snapshot(contacts())).exports.kw == pytest.approx(400.0)


def test_orders_in_kw_hold_for_both_ways(hydrogen: ParkBuilder) -> None:
    values = {"grid_operator.feed_in_limit_kw": 900.0, "grid_operator.import_limit_kw": 2200.0}
    limits = limits_now(hydrogen.snapshot(values))
    assert kw(limits) == (2200.0, 900.0)
    assert limits.ordered == (2200.0, 900.0)
    # below what it may always take
    assert limits_now(hydrogen.snapshot({"grid_operator.import_limit_kw": 100.0})).imports.kw == 1500.0
    assert limits_now(hydrogen.snapshot({"grid_operator.import_limit_kw": None})).imports.kw == 1500.0
    assert limits_now(hydrogen.snapshot({"grid_operator.feed_in_limit_kw": None})).exports.kw == 0.0
    # an order above the contract is none
    assert kw(limits_now(hydrogen.snapshot({"grid_operator.feed_in_limit_kw": 9000.0}))) == (4000.0, 2500.0)


def test_a_transformer_carries_what_reactive_power_leaves(hydrogen: ParkBuilder) -> None:
    assets = dict(hydrogen.site.assets)
    assets["transformer"] = assets["transformer"].model_copy(update={"rated_kva": 2500.0})
    small = hydrogen.with_file(assets=assets)
    assert kw(limits_now(small.snapshot())) == (2500.0, 2500.0)
    # 2500 kVA and 1500 kvar: 2000 kW
    limits = limits_now(small.snapshot({"grid.reactive_power_kvar": 1500.0}))
    assert kw(limits) == (2000.0, 2000.0)
    assert limits.imports.owner == "transformer"
    assert limits.ordered == (None, None)


def test_a_generator_gives_way_to_an_order_at_once_and_says_so(steel: ParkBuilder) -> None:
    # 1200 fed and exported; 30 % of 2000 may be, less 1 % of the 14 MW that are kept free
    values = {**contacts(30), "grid": -1200.0, "roof": 1200.0, "battery.soc": 0.9}
    decision = steel.decide(values)
    assert told(decision, "battery") == (0.0, "SOC window")
    pv = decision.assets["roof"]
    assert (pv.setpoint_kw, pv.owner) == (pytest.approx(460.0), "grid operator")
    assert pv.reason == "keeps the limit: grid_operator allows feeding 600 kW"


def test_a_battery_takes_what_may_not_be_fed(steel: ParkBuilder) -> None:
    decision = steel.decide({**contacts(30), "grid": -1200.0, "roof": 1200.0})
    battery = decision.assets["battery"]
    assert (battery.setpoint_kw, battery.owner) == (pytest.approx(-740.0), "grid operator")


def test_an_order_stands_above_a_person(steel: ParkBuilder) -> None:
    values = {**contacts(30), "grid": -1200.0, "roof": 1200.0}
    held = Override(asset="battery", value_kw=500.0, owner="li", reason="test", until=steel.NOON + timedelta(hours=1))
    decision = steel.decide(values, None, held)
    assert told(decision, "battery") == (pytest.approx(-740.0), "grid operator")


def test_the_alarm_names_the_receiver(steel: ParkBuilder) -> None:
    well = Health(**{field.name: "" for field in fields(Health)})
    told_now = conditions(steel.snapshot(contacts()), None, Mode.OPTIMAL, {}, well)
    assert [(each.kind, each.asset, each.text) for each in told_now] == [
        ("operator_limit_lost", "grid_operator", "no contact is closed")
    ]


def test_planning_knows_the_order(hydrogen: ParkBuilder) -> None:
    site = on_limits(hydrogen.site, 2200.0, None)
    assert (site.grid[1].import_limit_kw, site.grid[1].export_limit_kw) == (2200.0, 2500.0)
    assert on_limits(hydrogen.site, 0.0, 0.0).grid[1].import_limit_kw == 1.0


@pytest.mark.parametrize(
    ("share", "closed"), [(1.0, 100), (0.99, 60), (0.6, 60), (0.59, 30), (0.3, 30), (0.29, 0), (0.0, 0)]
)
def test_a_simulated_receiver_closes_the_stricter_contact(share: float, closed: int) -> None:
    model = OperatorLimitModel(
        OperatorLimit(kind="operator_limit", device="receiver", installed_kw=2000), import_limit_kw=3000
    )
    model.feed_in_share = share
    shown = model.points()
    assert [point for point in CONTACTS if shown[point]] == [f"feed_in_contact_{closed}"]
    assert shown["feed_in_limit_kw"] == pytest.approx(2000 * share)
