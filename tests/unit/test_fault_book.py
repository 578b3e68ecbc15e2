"""The book of faults: when each begins and ends, and that the same seed gives the same faults."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fault_rig import SHOWN, fault_site
from pydantic import TypeAdapter

from config.site import Site
from simulators.faults import book as book_module
from simulators.faults.book import FaultBook, UnfitFault
from simulators.faults.kinds import AnyFault, Fault
from simulators.faults.standing import Standing
from simulators.faults.values import altered

START = datetime(2026, 10, 14, 7, 0, tzinfo=UTC)
VALID = {"status": (0.0, 9.0)}
_FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)


def fault(kind: str, target: str = "turbine_m", **keys: Any) -> Fault:
    return _FAULT.validate_python({"kind": kind, "target": target, **keys})


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def site() -> Site:
    return fault_site()


def book_of(site: Site, *script: Fault, seed: int = 7) -> FaultBook:
    return FaultBook(site, start=START, seed=seed, script=script)


def ids(book: FaultBook, seconds: float) -> list[str]:
    return [one.id for one in book.advance(after(seconds), lambda device: SHOWN[device])]


def test_a_fault_stands_from_its_beginning_to_its_end(site: Site) -> None:
    book = book_of(site, fault("frozen", at="10s", **{"for": "20s"}, id="one"))
    assert [ids(book, s) for s in (0, 9.9, 10, 29.9, 30, 40)] == [[], [], ["one"], ["one"], [], []]
    (record,) = book.records()
    assert record["state"] == "over"
    assert (record["begin"], record["end"]) == (after(10).isoformat(), after(30).isoformat())
    assert (record["kind"], record["target"], record["by"]) == ("frozen", "turbine_m", "script")


def test_even_the_shortest_stands_for_one_tick(site: Site) -> None:
    book = book_of(site, fault("frozen", at="1s", **{"for": "1s"}, id="one"))
    assert [ids(book, s) for s in (0, 14.4, 28.8)] == [[], ["one"], []]


def test_faults_stand_in_the_order_of_their_beginning(site: Site) -> None:
    book = book_of(site, fault("bias", offset=1, at="2s", id="late"), fault("unit_swapped", at="1s", id="early"))
    standing = book.advance(after(3), lambda device: SHOWN[device])
    assert [one.id for one in standing] == ["early", "late"]
    assert altered({"active_power_kw": 5.0}, standing, after(3), VALID) == {"active_power_kw": 5001.0}


def test_what_is_cleared_ends_now_and_what_waits_never_begins(site: Site) -> None:
    book = book_of(site, fault("frozen", id="one"), fault("frozen", at="1h", id="two"))
    assert ids(book, 1) == ["one"]
    assert [entry.id for entry in book.clear(None, after(2))] == ["one", "two"]
    assert ids(book, 7200) == []
    assert book.clear("one", after(3)) == []
    with pytest.raises(UnfitFault, match="there is no fault 'three'; known are one, two"):
        book.clear("three", after(3))


def test_names_are_given_and_numbers_avoid_them(site: Site) -> None:
    book = book_of(site, fault("frozen"), fault("frozen", id="fault_1"))
    assert [entry.id for entry in book.entries()] == ["fault_2", "fault_1"]
    with pytest.raises(UnfitFault, match="there is a fault 'fault_1' already"):
        book.set(fault("frozen", id="fault_1"), START)
    assert book.set(fault("frozen"), START).id == "fault_3"
    with pytest.raises(UnfitFault, match="begins now"):
        book.set(fault("frozen", at="5s"), START)


def test_the_book_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "MOST", 2)
    monkeypatch.setattr(book_module, "REMEMBERED", 3)
    book = book_of(site)
    for _ in range(10):
        book.set(fault("frozen"), START)
        book.set(fault("frozen"), START)
        with pytest.raises(UnfitFault, match="2 faults wait or stand already"):
            book.set(fault("frozen"), START)
        book.clear(None, START)
        ids(book, 0)
    assert len(book.entries()) == 3


def spikes(site: Site, seed: int, id_: str) -> list[float]:
    book = book_of(site, fault("spikes", height=100, share=0.3, period_s=5, id=id_), seed=seed)
    shown = []
    for second in range(0, 300, 5):
        standing = book.advance(after(second), lambda device: SHOWN[device])
        shown.append(altered({"active_power_kw": 0.0}, standing, after(second), VALID)["active_power_kw"])
    return shown


def test_the_same_seed_and_name_give_the_same_spikes(site: Site) -> None:
    assert spikes(site, 7, "a") == spikes(site, 7, "a")
    assert spikes(site, 7, "a") != spikes(site, 8, "a")
    assert spikes(site, 7, "a") != spikes(site, 7, "b")
    assert set(spikes(site, 7, "a")) == {0.0, 100.0, -100.0}


def test_a_spike_lasts_for_its_period_however_often_one_looks(site: Site) -> None:
    book = book_of(site, fault("spikes", height=100, share=0.5, period_s=10))
    standing = book.advance(START, lambda device: SHOWN[device])
    for period in range(20):
        seen = {
            altered({"active_power_kw": 0.0}, standing, after(10 * period + s), VALID)["active_power_kw"]
            for s in (0, 3, 9.9)
        }
        assert len(seen) == 1


def test_values_before_the_fault_are_kept_for_a_frozen_one(site: Site) -> None:
    book = book_of(site, fault("frozen", at="5s"))
    truth = {"active_power_kw": 1.0, "wind_speed_m_per_s": 5.0}
    book.advance(START, lambda _: truth)
    truth["active_power_kw"] = 2.0
    standing = book.advance(after(5), lambda _: truth)
    truth["active_power_kw"] = 3.0
    assert altered(truth, standing, after(9), VALID) == {"active_power_kw": 2.0, "wind_speed_m_per_s": 5.0}


def test_a_drift_counts_from_its_beginning_and_not_from_the_tick(site: Site) -> None:
    book = book_of(site, fault("drift", per_hour=3600, at="10s"))
    standing = book.advance(after(14), lambda device: SHOWN[device])
    assert altered({"active_power_kw": 0.0}, standing, after(14), VALID)["active_power_kw"] == pytest.approx(4.0)


def test_a_status_that_the_device_does_not_have_is_not_shown(site: Site) -> None:
    values = {"active_power_kw": 5.0, "status": 2.0, "available": 1.0}
    standing = book_of(site, fault("trip")).advance(START, lambda device: SHOWN[device])
    assert altered(values, standing, START, {"status": (0, 9)})["status"] == 7.0
    assert altered(values, standing, START, {"status": (0, 3)}) == {
        "active_power_kw": 0.0,
        "status": 2.0,
        "available": 0.0,
    }


@pytest.mark.parametrize(
    "wanted",
    [
        fault("frozen", **{"for": "60s"}),
        fault("spikes", height=5),
        fault("trip", status=3),
        fault("slow", "broker", latency_s=2.5, jitter_s=1),
        fault("exception", code=6),
        fault("no_value", points=["status"]),
        fault("unit_swapped", factor=0.001),
    ],
    ids=lambda one: one.kind,
)
def test_a_device_that_runs_apart_is_told_the_whole_fault(site: Site, wanted: Fault) -> None:
    import json

    (standing,) = book_of(site, wanted).advance(START, lambda device: SHOWN[device])
    told = Standing.unpacked(json.loads(json.dumps(standing.packed())))
    assert told.fault == wanted.model_copy(update={"id": None, "at": None, "for_": None})
    assert (told.id, told.since, told.seed, told.points, told.before) == (
        *(standing.id, standing.since, standing.seed, standing.points, standing.before),
    )


def test_no_value_is_nan_inside(site: Site) -> None:
    standing = book_of(site, fault("no_value", points=["status"])).advance(START, lambda device: SHOWN[device])
    shown = altered({"active_power_kw": 5.0, "status": 2.0}, standing, START, VALID)
    assert math.isnan(shown["status"])
    assert shown["active_power_kw"] == 5.0
