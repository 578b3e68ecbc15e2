"""Which setpoints go out now. The battery's is refreshed every 4 s, the boiler's never, both to 0.1 kW."""

from __future__ import annotations

from dataclasses import replace

import pytest
from park_builder import ParkBuilder

from controller.decision import AssetDecision, Decision
from controller.modes import Mode
from controller.writes import WriteBook
from drivers.driver import Accepted, Rejected, Setpoint, Unconfirmed, WriteResult


def wanted(park: ParkBuilder, **setpoints_kw: float | None) -> Decision:
    assets = {
        name: AssetDecision(asset=name, setpoint_kw=kw, owner="plan", reason="") for name, kw in setpoints_kw.items()
    }
    return Decision(at=park.NOON, mode=Mode.OPTIMAL, assets=assets, grid_target_kw=None)


class Writes:
    """A book, and a device that answers every write at once."""

    def __init__(self, park: ParkBuilder) -> None:
        self.park = park
        self.book = WriteBook(park.site)

    def cycle(self, now_s: float, answer: WriteResult | None = None, **setpoints_kw: float | None) -> list[float]:
        """The values that are due, each answered with `answer`, by default confirmed."""
        due = self.book.due(wanted(self.park, **setpoints_kw), now_s)
        for setpoint in due:
            self.book.written(setpoint, answer or Accepted(setpoint.value), now_s)
        return [setpoint.value for setpoint in due]

    def slow_down(self, asset: str, change_s: float) -> None:
        """Let the profile say that the asset's device must not be changed often."""
        site, wanted = self.park.site, self.park.site.setpoint(asset)
        assert wanted is not None
        assert wanted.setpoint is not None
        slow = replace(wanted, setpoint=replace(wanted.setpoint, change_s=change_s))
        points = {
            device: tuple(slow if point is wanted else point for point in of) for device, of in site.points.items()
        }
        self.book = WriteBook(replace(site, points=points))


@pytest.fixture
def writes(park: ParkBuilder) -> Writes:
    return Writes(park)


def test_a_first_setpoint_is_written_and_an_unchanged_one_is_not(writes: Writes) -> None:
    assert writes.cycle(0.0, battery=100.0) == [100.0]
    assert writes.cycle(1.0, battery=100.0) == []
    assert writes.cycle(1.0, battery=100.04) == []


def test_a_change_of_half_the_resolution_is_written(writes: Writes) -> None:
    writes.cycle(0.0, battery=100.0)
    assert writes.cycle(1.0, battery=100.06) == [100.06]
    assert writes.cycle(2.0, battery=-100.0) == [-100.0]


def test_a_change_that_comes_too_soon_is_held_back_and_not_lost(writes: Writes) -> None:
    writes.slow_down("battery", change_s=30.0)
    assert writes.cycle(0.0, battery=100.0) == [100.0]
    assert writes.cycle(1.0, battery=200.0) == []
    assert writes.cycle(4.0, battery=250.0) == [100.0]  # its refresh
    assert writes.cycle(29.9, battery=300.0) == [100.0]
    assert writes.cycle(30.0, battery=300.0) == [300.0]
    assert writes.cycle(31.0, battery=0.0) == [0.0]  # safe, so it never waits


def test_a_change_that_was_not_confirmed_is_tried_again_as_it_was(writes: Writes) -> None:
    writes.slow_down("battery", change_s=30.0)
    assert writes.cycle(0.0, Unconfirmed(None, "silent"), battery=100.0) == [100.0]
    assert writes.cycle(1.0, battery=200.0) == [100.0]
    # what the device has refused it has not taken: it may be told something else
    assert writes.cycle(30.0, Rejected("busy"), battery=200.0) == [200.0]
    assert writes.cycle(31.0, battery=250.0) == [250.0]


def test_a_setpoint_is_refreshed_before_the_device_reverts(writes: Writes) -> None:
    writes.cycle(0.0, battery=100.0, boiler=600.0)
    assert writes.cycle(3.9, battery=100.0, boiler=600.0) == []
    assert writes.cycle(4.0, battery=100.0, boiler=600.0) == [100.0]
    assert writes.cycle(8.0, battery=100.0, boiler=600.0) == [100.0]
    assert writes.cycle(10_000.0, boiler=600.0) == []


def test_setpoints_go_out_in_the_decisions_order_and_only_where_there_is_one(writes: Writes) -> None:
    assert writes.cycle(0.0, wind=500.0, battery=None, boiler=200.0) == [500.0, 200.0]


def test_every_point_has_its_asset(writes: Writes) -> None:
    due = writes.book.due(wanted(writes.park, pv_b=700.0), 0.0)
    assert [setpoint.point.key for setpoint in due] == ["pv_b_inverter.power_limit_kw"]
    assert writes.book.written(due[0], Accepted(700.0), 0.0) == "pv_b"
    assert writes.book.last("pv_a") is None


@pytest.mark.parametrize("answer", [Rejected("illegal value"), Unconfirmed(0.0, "shows 0, not 100 within 0.2")])
def test_a_write_that_failed_is_tried_again_and_told_after_three_attempts(
    writes: Writes, answer: Rejected | Unconfirmed
) -> None:
    for second in range(3):
        assert writes.book.not_followed() == {}
        assert writes.cycle(float(second), answer, battery=100.0) == [100.0]
    assert writes.book.not_followed() == {"battery": answer.reason}
    # then seldom, with whatever is wanted by then
    assert writes.cycle(3.0, answer, battery=100.0) == []
    assert writes.cycle(11.9, answer, battery=100.0) == []
    assert writes.cycle(12.0, answer, battery=80.0) == [80.0]
    assert writes.book.not_followed() == {"battery": answer.reason}
    assert writes.cycle(22.0, battery=80.0) == [80.0]
    assert writes.book.not_followed() == {}


def test_a_success_between_failures_begins_the_count_again(writes: Writes) -> None:
    failure = Unconfirmed(0.0, "shows 0, not 100 within 0.2")
    writes.cycle(0.0, failure, battery=100.0)
    writes.cycle(1.0, failure, battery=100.0)
    writes.cycle(2.0, battery=100.0)
    writes.cycle(6.0, failure, battery=100.0)
    writes.cycle(7.0, failure, battery=100.0)
    assert writes.book.not_followed() == {}


def test_a_device_that_does_not_answer_is_tried_on_but_not_blamed(writes: Writes) -> None:
    silent = Unconfirmed(None, "timed out")
    for second in range(3):
        assert writes.cycle(float(second), silent, battery=100.0) == [100.0]
    assert writes.cycle(3.0, silent, battery=100.0) == []
    assert writes.cycle(12.0, silent, battery=100.0) == [100.0]
    assert writes.book.not_followed() == {}


def test_one_asset_that_fails_does_not_hold_up_another(writes: Writes) -> None:
    writes.cycle(0.0, battery=100.0, boiler=600.0)
    due = writes.book.due(wanted(writes.park, battery=200.0, boiler=700.0), 1.0)
    for setpoint in due:
        answer: WriteResult = Rejected("busy") if setpoint.point.device == "battery_pcs" else Accepted(setpoint.value)
        writes.book.written(setpoint, answer, 1.0)
    assert writes.cycle(2.0, battery=200.0, boiler=700.0) == [200.0]


def test_what_is_forgotten_is_written_again(writes: Writes) -> None:
    writes.cycle(0.0, battery=100.0)
    writes.book.forget("battery")
    writes.book.forget("never written")
    assert writes.book.last("battery") is None
    assert writes.cycle(1.0, battery=100.0) == [100.0]


@pytest.mark.parametrize(
    ("answer", "outcome", "why"),
    [
        (Accepted(100.1), "confirmed", ""),
        (Rejected("illegal value"), "rejected", "illegal value"),
        (Unconfirmed(None, "timed out"), "unconfirmed", "timed out"),
    ],
)
def test_the_last_write_is_told_in_words(writes: Writes, answer: WriteResult, outcome: str, why: str) -> None:
    writes.cycle(3.0, answer, battery=100.0)
    last = writes.book.last("battery")
    assert last is not None
    assert (last.value, last.at_s, last.outcome, last.why) == (100.0, 3.0, outcome, why)


def test_only_a_point_that_can_be_written_makes_a_setpoint(park: ParkBuilder) -> None:
    point = park.site.point("battery", "soc")
    assert point is not None
    with pytest.raises(ValueError, match=r"battery_pcs\.soc cannot be written"):
        Setpoint(point=point, value=0.5)
    locked = park.with_device("battery_pcs", write=())
    assert Writes(locked).cycle(0.0, battery=100.0) == []
