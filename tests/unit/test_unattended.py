"""Runs without servers: the same truth for the same seed, and faults that fall upon the park itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from config.loader import example_site, example_sites, load_site
from config.site import Site
from parkgrid.park_course import balances
from simulators.faults.book import FaultBook, UnfitFault
from simulators.faults.kinds import AnyFault, Fault
from simulators.scenarios.loading import load_scenario, scenario_path
from simulators.unattended import Unattended, run_unattended, unseen

NOON = datetime(2026, 7, 15, 4, tzinfo=UTC)
"""12:00 near Hangzhou."""
_FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)


@pytest.fixture(scope="module")
def factory() -> Site:
    return load_site(example_site("small_factory"))


def fault(kind: str, target: str, at: str, lasts: str, **keys: Any) -> Fault:
    return _FAULT.validate_python({"kind": kind, "target": target, "at": at, "for": lasts, **keys})


def lived(site: Site, folder: Path, *faults: Fault, hours: float = 1, **how: Any) -> dict[str, Any]:
    """The truth of some hours from noon on."""
    file = folder / "truth.json"
    run = Unattended(site=site, lasts=timedelta(hours=hours), start=NOON, faults=faults, truth=file, **how)
    run_unattended(run)
    truth: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return truth


def energies(truth: dict[str, Any], asset: str, key: str) -> list[float]:
    return [interval["assets"][asset][key] for interval in truth["park"]["intervals"]]


@pytest.mark.parametrize("name", example_sites())
def test_every_bus_closes_over_a_run(name: str, tmp_path: Path) -> None:
    site = load_site(example_site(name))
    truth = lived(site, tmp_path, hours=3)
    assert truth["simulated_s"] == 3 * 3600
    assert truth["commands"] == {}
    assert truth["park"] == truth["without_control"]
    assert truth["balance_residual"] < 1e-6
    found = balances(site, truth)
    assert found[0].bus == "electricity"
    for balance in found:
        assert abs(balance.gap_kwh) < 1e-6 * balance.supplied_kwh, balance
    # what goes through the meter of the grid is what the other assets leave
    accounts = truth["park"]["total"]["assets"]
    others = [of for asset, of in accounts.items() if asset != site.grid[0]]
    left_kwh = sum(of["electricity_used_kwh"] - of["electricity_fed_kwh"] for of in others)
    total = truth["park"]["total"]
    assert total["import_kwh"] - total["export_kwh"] == pytest.approx(left_kwh, rel=1e-6)


def test_the_seed_decides(factory: Site, tmp_path: Path) -> None:
    one, again, other = (lived(factory, tmp_path, seed=seed) for seed in (5, 5, 6))
    assert one == again
    assert one["park"]["total"] != other["park"]["total"]


def test_a_scenario_decides_on_start_and_seed(factory: Site, tmp_path: Path) -> None:
    scenario = load_scenario(scenario_path("summer_weekday"), factory, seed=99)
    truth = lived(factory, tmp_path, scenario=scenario, seed=1)
    assert truth["start"] == "2026-07-14T16:00:00+00:00"
    assert truth["scenario"]["seed"] == 99
    assert truth["scenario"]["name"] == "summer_weekday"


def test_a_tripped_inverter_feeds_nothing_while_it_lasts(factory: Site, tmp_path: Path) -> None:
    truth = lived(factory, tmp_path, fault("trip", "inverter", "15m", "30m", id="dark"))
    fed = energies(truth, "roof", "electricity_fed_kwh")
    assert fed[1:3] == pytest.approx([0, 0], abs=1e-9)
    assert min(fed[0], fed[3]) > 10
    (record,) = truth["faults"]
    assert (record["id"], record["state"]) == ("dark", "over")
    assert (record["begin"], record["end"]) == ("2026-07-15T04:15:00+00:00", "2026-07-15T04:45:00+00:00")


def test_a_fault_ends_to_the_second(factory: Site, tmp_path: Path) -> None:
    whole = energies(lived(factory, tmp_path), "roof", "electricity_fed_kwh")
    cut = energies(lived(factory, tmp_path, fault("trip", "inverter", "20m", "5m")), "roof", "electricity_fed_kwh")
    assert cut[0] == whole[0]
    # five of the fifteen minutes are gone, and the inverter is quick to come back
    assert cut[1] == pytest.approx(whole[1] * 2 / 3, rel=0.05)
    assert cut[3] == pytest.approx(whole[3])


def test_all_behind_a_port_is_gone_while_one_of_it_boots(factory: Site, tmp_path: Path) -> None:
    truth = lived(factory, tmp_path, fault("reboot", "battery", "15m", "15m"))
    fed = energies(truth, "roof", "electricity_fed_kwh")
    assert fed[1] == pytest.approx(0, abs=1e-9)
    assert min(fed[0], fed[2]) > 10


def test_without_the_grid_the_factory_is_dark(factory: Site, tmp_path: Path) -> None:
    truth = lived(factory, tmp_path, fault("breaker_open", "meter_grid", "15m", "30m"))
    unserved = energies(truth, "factory", "unserved_kwh")
    assert unserved[0] == unserved[3] == 0
    assert min(unserved[1:3]) > 5
    assert energies(truth, "grid", "electricity_fed_kwh")[1:3] == pytest.approx([0, 0], abs=1e-9)
    assert energies(truth, "factory", "electricity_used_kwh")[1:3] == pytest.approx([0, 0], abs=1e-6)
    assert truth["balance_residual"] < 1e-6


def test_a_forming_battery_holds_the_park_through_the_outage(tmp_path: Path) -> None:
    site = load_site(example_site("hydrogen_park"))
    scenario = load_scenario(scenario_path("grid_outage"), site)
    truth = lived(site, tmp_path, scenario=scenario, hours=6)
    outage = range(16, 22)  # from the fourth hour on, for an hour and a half
    grid = [truth["park"]["intervals"][index]["assets"]["grid"] for index in outage]
    assert max(of["electricity_fed_kwh"] + of["electricity_used_kwh"] for of in grid) < 1e-9
    assert truth["park"]["total"]["unserved_kwh"] < 1e-6
    battery = truth["park"]["intervals"][outage[0]]["assets"]["battery"]
    assert battery["electricity_used_kwh"] + battery["electricity_fed_kwh"] > 10
    assert energies(truth, "halls", "electricity_used_kwh")[outage[0]] > 100


def test_what_nobody_sees_without_servers_is_told_apart() -> None:
    seen = [fault("trip", "inverter", "0s", "1m"), fault("reboot", "inverter", "0s", "1m")]
    lies = [fault("frozen", "inverter", "0s", "1m"), fault("link_down", "gateway", "0s", "1m")]
    assert unseen([*seen, *lies]) == lies


def test_two_faults_of_one_name_are_refused(factory: Site) -> None:
    twice = [fault("frozen", "inverter", "0s", "1m", id="one")] * 2
    with pytest.raises(UnfitFault, match="there are two faults with the id one, each needs one of its own"):
        FaultBook(factory, start=NOON, seed=1, script=twice)


def test_a_book_knows_when_it_changes_next(factory: Site) -> None:
    book = FaultBook(
        factory,
        start=NOON,
        seed=1,
        script=[fault("frozen", "inverter", "10m", "10m"), fault("frozen", "battery", "15m", "1h")],
    )
    minutes = [0.0]
    for _ in range(5):
        now = NOON + timedelta(minutes=minutes[-1])
        book.advance(now, lambda device: {})
        change = book.next_change(now)
        if change is None:
            break
        minutes.append((change - NOON) / timedelta(minutes=1))
    assert minutes == [0, 10, 15, 20, 75]
    assert book.standing() == []
