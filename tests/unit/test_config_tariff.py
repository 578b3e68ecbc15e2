"""Tariffs: every minute of every month has one price, and every day of a site one tariff."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import config
from config.loader import SiteError, example_site, load_site, load_tariff
from config.tariff import minutes_of

TARIFFS = sorted((Path(config.__file__).parent / "tariffs").glob("*.yaml"))

TARIFF = """\
description: Two bands
source: example
currency: CNY
time_zone: Asia/Shanghai
valid_from: 2026-01-01
valid_until: 2027-01-01
fixed_per_kwh: 0.1
base_per_kwh: {default: 0.5, 2026-07: 0.6}
ratios: {day: 1.5, night: 0.5}
seasons:
  - months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    bands: {day: ["08:00-20:00"], night: ["00:00-08:00", "20:00-24:00"]}
special_days:
  - name: Fair
    dates: [2026-05-01]
    bands: {night: ["00:00-24:00"]}
export_per_kwh: 0.4
demand_charge_per_kw_month: 40
gas_per_kwh: 0.3
grid_co2_kg_per_kwh: 0.5
gas_co2_kg_per_kwh: 0.2
"""


CONTRACT = "contracted_demand: {kw: {default: 800}, excess_times: 2, excess_from: 1.05}\n"
LADDER = """\
ladder:
  over: month
  steps:
    - {above_kwh: 1000, surcharge_per_kwh: 0.2}
    - {above_kwh: 2000, surcharge_per_kwh: 0.3}
"""


def test_hours_are_minutes_of_the_day() -> None:
    assert minutes_of("11:00-14:30") == (660, 870)
    assert minutes_of("00:00-24:00") == (0, 1440)


@pytest.mark.parametrize(
    "hours", ["", "11-14", "14:00-11:00", "11:00-11:00", "20:00-24:30", "25:00-26:00", "11:60-12:00"]
)
def test_hours_that_are_none(hours: str) -> None:
    with pytest.raises(ValueError, match=r"should look like|must end after"):
        minutes_of(hours)


@pytest.mark.parametrize("path", TARIFFS, ids=lambda path: path.stem)
def test_every_tariff_that_comes_along_loads(path: Path) -> None:
    assert load_tariff(path).currency == "CNY"


def test_the_example_loads(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(TARIFF)
    assert load_tariff(path).base_per_kwh == {"default": 0.5, "2026-07": 0.6}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"20:00-24:00"]', '"19:00-24:00"]', "19:00 is in both day and night"),
        ('"20:00-24:00"]', '"21:00-24:00"]', "20:00 is in no band"),
        ("11, 12]", "11]", "each month must be in exactly one season"),
        ("[1, 2,", "[1, 1, 2,", "each month must be in exactly one season"),
        ("default: 0.5, ", "", "base_per_kwh needs a 'default'"),
        ("night: 0.5}", "nite: 0.5}", "no ratio for band night; known are day, nite"),
        ("valid_until: 2027-01-01", "valid_until: 2025-01-01", "valid_until must be after valid_from"),
        ("2026-07: 0.6", "July: 0.6", "should match pattern"),
        (
            '{night: ["00:00-24:00"]}',
            '{night: ["00:00-24:00"], day: ["09:00-10:00"]}',
            "09:00 is in both night and day",
        ),
        ("currency: CNY", "currency: yuan", "should match pattern"),
        ("fixed_per_kwh: 0.1", "fixed_per_kwh: -0.1", "should be greater than or equal to 0"),
        ("2026-01-01\n", "2026-02-30\n", "cannot be read as a date"),
        ("gas_per_kwh", f"{CONTRACT.replace('default', '2026-07')}gas_per_kwh", "kw needs a 'default'"),
        ("gas_per_kwh", f"{CONTRACT.replace('1.05', '0.9')}gas_per_kwh", "should be greater than or equal to 1"),
        ("gas_per_kwh", f"{CONTRACT.replace('excess_times: 2, ', '')}gas_per_kwh", "excess_times: is missing"),
        ("gas_per_kwh", f"{LADDER.replace('0.3', '0.1')}gas_per_kwh", "it falls from 0.2 to 0.1: a ladder that gets"),
        ("gas_per_kwh", f"{LADDER.replace('2000', '500')}gas_per_kwh", "500 follows 1000"),
        ("gas_per_kwh", f"{LADDER.replace('month', 'day')}gas_per_kwh", "should be 'month' or 'year'"),
    ],
)
def test_a_tariff_with_a_fault_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in TARIFF
    path = tmp_path / "example.yaml"
    path.write_text(TARIFF.replace(old, new, 1))
    with pytest.raises(SiteError) as caught:
        load_tariff(path)
    assert len(caught.value.faults) == 1
    assert what in str(caught.value)


def site_with(folder: Path, **tariffs: str) -> Path:
    """The demo site with tariffs of its own."""
    (folder / "tariffs").mkdir()
    for name, text in tariffs.items():
        (folder / "tariffs" / f"{name}.yaml").write_text(text)
    site = folder / "site.yaml"
    demo = example_site("demo_park").read_text("utf-8")
    site.write_text(demo.replace("[zhejiang_industry_2026]", f"[{', '.join(tariffs)}]"))
    return site


def test_tariffs_may_follow_each_other(tmp_path: Path) -> None:
    later = TARIFF.replace("2027-01-01", "2028-01-01").replace("2026-01-01", "2027-01-01")
    site = load_site(site_with(tmp_path, later=later, now=TARIFF))
    assert sorted(tariff.valid_from.year for tariff in site.tariffs) == [2026, 2027]


@pytest.mark.parametrize(
    ("first_day", "currency", "what"),
    [
        ("2026-12-01", "CNY", "two tariffs hold on 2026-12-01"),
        ("2027-02-01", "CNY", "no tariff holds from 2027-01-01 to 2027-02-01"),
        ("2027-01-01", "EUR", "are in different currencies: CNY, EUR"),
    ],
)
def test_tariffs_of_a_site_follow_each_other(tmp_path: Path, first_day: str, currency: str, what: str) -> None:
    later = TARIFF.replace("valid_until: 2027-01-01\n", "").replace("2026-01-01", first_day).replace("CNY", currency)
    with pytest.raises(SiteError, match=what):
        load_site(site_with(tmp_path, now=TARIFF, later=later))


def test_contract_and_ladder_stand_in_the_tariff(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(TARIFF + CONTRACT + LADDER)
    tariff = load_tariff(path)
    assert tariff.contracted_demand is not None
    assert tariff.contracted_demand.kw_in(date(2026, 5, 1)) == 800
    assert tariff.ladder is not None
    # 500 kWh at 0.2 and, above 2000, 100 at 0.3
    assert tariff.ladder.surcharge(1500) == pytest.approx(500 * 0.2)
    assert tariff.ladder.surcharge(2100) == pytest.approx(1000 * 0.2 + 100 * 0.3)


def test_a_fault_of_a_ladder_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(TARIFF + LADDER.replace("0.3", "0.1"))
    with pytest.raises(SiteError) as caught:
        load_tariff(path)
    assert [fault.where for fault in caught.value.faults] == ["ladder"]
    assert caught.value.faults[0].line == TARIFF.count("\n") + 1


def test_ladders_of_a_site_count_over_the_same_period(tmp_path: Path) -> None:
    later = TARIFF.replace("2027-01-01", "2028-01-01").replace("2026-01-01", "2027-01-01")
    now, other = TARIFF + LADDER, later + LADDER.replace("month", "year")
    with pytest.raises(SiteError, match="have ladders over the month and over the year"):
        load_site(site_with(tmp_path, now=now, later=other))


def test_caps_stand_in_the_site_file(tmp_path: Path) -> None:
    path = site_with(tmp_path, now=TARIFF)
    caps = (
        "caps:\n  carbon: {over: month, most_kg: 1000}\n"
        "  energy_budget: {over: month, most_tce: 5, price_per_tce: 900}\n"
        "  export_share: {over: horizon, most: 0.2}\n"
    )
    path.write_text(path.read_text("utf-8") + caps)
    found = load_site(path).file.caps
    assert found.carbon is not None
    assert (found.carbon.most_kg, found.carbon.price_per_kg) == (1000, None)
    path.write_text(path.read_text("utf-8").replace("over: horizon, most: 0.2", "over: horizon, most: 20"))
    with pytest.raises(SiteError, match=r"site.yaml:\d+: caps\.export_share\.most: .*less than or equal to 1"):
        load_site(path)


def test_a_simulation_starts_under_a_tariff(tmp_path: Path) -> None:
    later = TARIFF.replace("2027-01-01", "2028-01-01").replace("2026-01-01", "2027-01-01")
    with pytest.raises(SiteError, match=r"simulation\.start: no tariff of the site holds on 2026-10-14"):
        load_site(site_with(tmp_path, later=later))
