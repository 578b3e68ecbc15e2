"""The page and the picture of a run: their numbers against half an hour that a reader can add up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from park_truth import BEGIN, END, MIDDLE, factory_truth

from config.loader import example_site, load_site
from config.site import Site
from config.terms import Terms, on_terms
from parkgrid.park_output import ParkOutput
from parkgrid.park_page import page_of
from parkgrid.park_picture import draw_park, picture_svg
from parkgrid.refusal import Failed, Refused
from simulators.account import Account
from simulators.scenarios.loading import load_scenario


@pytest.fixture(scope="module")
def factory() -> Site:
    return load_site(example_site("small_factory"))


@pytest.fixture
def truth() -> dict[str, Any]:
    return factory_truth()


def rows(page: str, title: str) -> list[list[str]]:
    """The cells of a table of the page, its head first."""
    table = page.split(f"<h2>{title}</h2>")[1].split("</table>")[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall(r"<tr>(.*?)</tr>", table)]


def tiles(page: str) -> dict[str, str]:
    found = re.findall(r'<div class="tile"><b>(.*?)</b><span>(.*?)</span>', page)
    return {what: value for value, what in found}


def test_the_tiles_say_what_happened(factory: Site, truth: dict[str, Any]) -> None:
    assert tiles(page_of(factory, truth)) == {
        "imported": "20 kWh",
        "exported": "4 kWh",
        # 20 kWh in a quarter of an hour
        "highest import, mean of 15 min; the limit is 500 kW": "80 kW",
        "sun and wind curtailed": "2 kWh",
        # 20 * 0.68 - 4 * 0.4153 + 4 * 0.12 of wear - 0.3 * 0.365 / 0.95 that the battery holds more
        "cost, with the month&#x27;s demand charge": "12 CNY",
        # 20 kWh at 0.4974 kg
        "CO2": "0.01 t",
        "wanted by loads and not there": "2 kWh",
    }


def test_a_short_piece_of_an_interval_is_no_demand(factory: Site, truth: dict[str, Any]) -> None:
    last = truth["park"]["intervals"][1]
    last |= {"seconds": 5.0, "demand_kw": 400.0}
    assert tiles(page_of(factory, truth))["highest import, mean of 15 min; the limit is 500 kW"] == "80 kW"


def test_the_tables_add_up(factory: Site, truth: dict[str, Any]) -> None:
    page = page_of(factory, truth)
    assert rows(page, "Balances in kWh") == [
        ["bus", "supplied", "used", "taken by nobody", "unaccounted"],
        ["electricity", "64.0", "64.0", "0.0", "0.0"],
    ]
    assert rows(page, "Cost in CNY") == [["term", "this run"], ["import", "14"], ["export", "-2"], ["total", "12"]]
    assert rows(page, "Energies in kWh: fed is to the park, stored is the change") == [
        ["asset", "electricity fed", "electricity used", "lost", "curtailed", "unserved"],
        ["Connection point", "20", "4", "", "", ""],
        ["Factory", "", "55", "", "", "2"],
        ["Roof", "40", "", "", "2", ""],
        ["Battery", "4", "5", "1", "", ""],
    ]
    assert "Nobody commanded the park" in page
    assert "Wednesday 15 July 2026 10:00 to Wednesday 15 July 10:30, Asia/Shanghai" in page
    assert "What was given" not in page


def test_a_run_with_a_controller_stands_beside_one_without(factory: Site, truth: dict[str, Any]) -> None:
    truth["commands"] = {"battery.power_setpoint_kw": {"value": 10.0}}
    other = factory_truth()["park"]
    for interval in other["intervals"]:
        interval["import_kwh"] *= 2
    truth["without_control"] = other
    page = page_of(factory, truth)
    assert rows(page, "Cost in CNY")[:2] == [["term", "this run", "without control"], ["import", "14", "27"]]
    assert "The park was commanded while it ran." in page


def test_the_picture_says_limits_marks_and_stores_in_words(factory: Site, truth: dict[str, Any]) -> None:
    truth["scenario"] = {
        "name": "odd",
        "description": "x < y",
        "marks": [{"what": "<script>", "begin": BEGIN, "end": MIDDLE}],
    }
    truth["faults"] = [{"kind": "frozen", "target": "meter_grid", "begin": MIDDLE, "end": END}]
    page = page_of(factory, truth)
    assert "<script>" not in page
    assert "x &lt; y" in page
    assert rows(page, "What was given to the park")[1:] == [
        ["15 Jul 10:00", "15 Jul 10:15", "&lt;script&gt;"],
        ["15 Jul 10:15", "15 Jul 10:30", "fault: frozen, meter_grid"],
    ]
    svg = picture_svg(factory, truth)
    # 500 kW would press the rest flat, 200 kW not
    for words in (
        "import limit, 500 kW: off the scale",
        "export limit, 200 kW<",
        "fault: frozen, meter_grid",
        "Battery, 500 kWh",
        "curtailed",
        "wanted and not there",
        "local time, Asia/Shanghai",
        "10:15",
    ):
        assert words in svg, words
    assert picture_svg(factory, truth) == svg


def test_the_limits_are_those_that_were_in_force(factory: Site, truth: dict[str, Any]) -> None:
    terms = Terms(tariffs=factory.tariffs, import_limit_kw=150, export_limit_kw=50)
    page = page_of(on_terms(factory, terms), truth)
    assert "the limit is 150 kW" in page
    assert "import limit, 150 kW<" in page
    assert "export limit, 50 kW<" in page


def test_the_bill_is_that_of_the_prices_that_were_in_force(
    factory: Site, truth: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "spike.yaml"
    path.write_text(
        "description: x\nstart: 2026-07-15T10:00:00\nlength: 30m\nprices: [{for: 15m, import_per_kwh: 4}]\n",
        encoding="utf-8",
    )
    page = page_of(on_terms(factory, load_scenario(path, factory).terms), truth)
    # all 20 kWh came in the first quarter of an hour
    assert ["import", "80"] in rows(page, "Cost in CNY")


def test_a_tank_of_hydrogen_is_shown_in_kg() -> None:
    site = load_site(example_site("hydrogen_park"))
    truth = factory_truth()
    still = Account()._asdict()
    for record in (truth["park"]["total"], *truth["park"]["intervals"]):
        record["assets"] = dict.fromkeys(site.assets, still) | {"grid": record["assets"]["grid"]}
    truth["stored_kwh"] = dict.fromkeys(site.assets, 0.0) | {"hydrogen_tank": 400 * 33.33}
    assert "Pressure vessels, 400 kg" in picture_svg(site, truth)


@pytest.mark.parametrize(("name", "begins"), [("park.png", b"\x89PNG"), ("park.SVG", b"<?xml")])
def test_the_ending_of_the_name_decides_the_form(
    factory: Site, truth: dict[str, Any], tmp_path: Path, name: str, begins: bytes
) -> None:
    draw_park(factory, truth, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_files_that_cannot_be_are_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"--plot park\.pdf should end in \.png or \.svg"):
        ParkOutput(tmp_path / "park.pdf", None)
    with pytest.raises(Refused, match=r"--summary park should end in \.html or \.htm"):
        ParkOutput(None, tmp_path / "park")
    with pytest.raises(Refused, match="there is no folder"):
        ParkOutput(None, tmp_path / "nowhere" / "park.html")


def test_what_cannot_be_shown_is_said(factory: Site, truth: dict[str, Any], tmp_path: Path) -> None:
    truth["park"]["intervals"] = []
    with pytest.raises(Failed, match="nothing can be shown of the run: the run was over before anything happened"):
        ParkOutput(tmp_path / "park.png", None).write(factory, truth)
    assert list(tmp_path.iterdir()) == []
