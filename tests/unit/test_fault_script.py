"""Fault scripts: what they may say, and how they are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fault_rig import fault_site

from config.loader import SiteError
from config.site import Site
from simulators.faults.book import FaultBook
from simulators.faults.kinds import Drift, LinkDown
from simulators.faults.script import load_script
from simulators.faults.times import span_of

START = datetime(2026, 10, 14, 7, 0, tzinfo=UTC)
"""15:00 in the site's zone."""


@pytest.fixture(scope="module")
def site() -> Site:
    return fault_site()


def written(folder: Path, *lines: str) -> Path:
    path = folder / "faults.yaml"
    path.write_text("faults:\n" + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
    return path


def refusal(path: Path, site: Site, *, own_broker: bool = True) -> list[str]:
    with pytest.raises(SiteError) as refused:
        load_script(path, site, own_broker=own_broker)
    return [str(mistake) for mistake in refused.value.faults]


def test_times_since_the_start_and_in_the_sites_calendar(site: Site, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "{kind: drift, target: turbine_m, per_hour: -3, at: 00:10:00, for: 120s}",
        "{kind: link_down, target: broker, at: 2026-10-14T16:30:00, for: 1.5h, id: night}",
        "{kind: link_down, target: turbine_tcp, at: 2026-10-14T09:00:00+00:00}",
        "{kind: frozen, target: hall_meter}",
    )
    script = load_script(path, site)
    assert [type(fault) for fault in script[:2]] == [Drift, LinkDown]
    book = FaultBook(site, start=START, seed=1, script=script)
    found = [(entry.id, entry.begin - START, entry.end and entry.end - entry.begin) for entry in book.entries()]
    assert found == [
        ("fault_1", timedelta(minutes=10), timedelta(minutes=2)),
        ("night", timedelta(minutes=90), timedelta(minutes=90)),
        ("fault_2", timedelta(hours=2), None),
        ("fault_3", timedelta(), None),
    ]


def test_every_mistake_is_named_with_its_line(site: Site, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "{kind: frozen, target: turbine}",
        "{kind: frozn, target: turbine_m}",
        "{kind: drift, target: turbine_m}",
        "{kind: bias, target: turbine_m, offset: 5, ofset: 5}",
        "{kind: slow, target: turbine_m}",
        "{kind: exception, target: turbine_q}",
        "{kind: bad_status, target: turbine_m}",
        "{kind: no_publication, target: turbine_o}",
        "{kind: writes_rejected, target: turbine_q}",
        "{kind: writes_ignored, target: hall_meter}",
        "{kind: frozen, target: turbine_m, points: [sped, power_limit_kw]}",
        "{kind: clock_wrong, target: turbine_m, offset_s: 60}",
        "{kind: trip, target: grid_meter}",
        "{kind: breaker_open, target: turbine_m}",
        "{kind: frozen, target: turbine_m, for: 10}",
        "{kind: frozen, target: turbine_m, at: tomorrow}",
        "{kind: unit_swapped, target: turbine_m, factor: 10}",
        "{kind: spikes, target: turbine_m, height: 10, share: 2}",
        "{kind: frozen, target: turbine_m, id: one}",
        "{kind: frozen, target: turbine_o, id: one}",
    )
    assert refusal(path, site) == [
        "faults.yaml:2: faults.0.target: there is no device 'turbine'; did you mean 'turbine_q'?",
        "faults.yaml:3: faults.1.kind: 'frozn' is unknown; did you mean 'frozen'?",
        "faults.yaml:4: faults.2.per_hour: is missing",
        "faults.yaml:5: faults.3.ofset: is not a known key; did you mean 'offset'?",
        "faults.yaml:6: faults.4.target: turbine_m is a device; slow falls upon a connection:"
        " did you mean 'turbine_tcp'?",
        "faults.yaml:7: faults.5.kind: exception is a fault of modbus; turbine_q speaks mqtt",
        "faults.yaml:8: faults.6.kind: bad_status is a fault of opcua; turbine_m speaks modbus",
        "faults.yaml:9: faults.7.kind: no_publication is a fault of mqtt; turbine_o speaks opcua",
        "faults.yaml:10: faults.8.kind: writes_rejected is a fault of modbus, opcua; turbine_q speaks mqtt",
        "faults.yaml:11: faults.9.target: hall_meter has no setpoint that could be written",
        "faults.yaml:12: faults.10.points: power_limit_kw is a setpoint of turbine_m; writes_ignored is the fault"
        " for it",
        "faults.yaml:12: faults.10.points: turbine_m has no point 'sped'; known are active_power_kw, available, status,"
        " wind_speed_m_per_s",
        "faults.yaml:13: faults.11.kind: clock_wrong is a fault of opcua, mqtt; turbine_m speaks modbus",
        "faults.yaml:14: faults.12.target: grid_meter is only measured and cannot trip; known are battery_pcs,"
        " turbine_m, turbine_o, turbine_q",
        "faults.yaml:15: faults.13.target: turbine_m is not at the grid connection; known are grid_meter",
        "faults.yaml:16: faults.14.for: is 10, should look like 90s, 30m, 2h, 1d or 00:10:00",
        "faults.yaml:17: faults.15.at: is 'tomorrow', should look like 90s, 30m, 2h, 1d or 00:10:00",
        "faults.yaml:18: faults.16.factor: is 10, should be 1000 or 0.001",
        "faults.yaml:19: faults.17.share: is 2, should be less than or equal to 1",
        "faults.yaml:21: faults.19.id: 'one' is given twice, first in line 20",
    ]


def test_a_broker_of_somebody_else_has_no_line(site: Site, tmp_path: Path) -> None:
    path = written(tmp_path, "{kind: broker_restart, target: broker}", "{kind: link_down, target: broker}")
    assert refusal(path, site, own_broker=False) == [
        "faults.yaml:2: faults.0.target: the broker of broker is not the park's own",
        "faults.yaml:3: faults.1.target: the broker of broker is not the park's own",
    ]


@pytest.mark.parametrize("text", ["faults: []", "faults: {}", "fault: []", "- 1", ""])
def test_only_a_list_of_faults_is_a_script(site: Site, tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    if text == "faults: []":
        assert load_script(path, site) == ()
    else:
        assert refusal(path, site)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400), ("00:10:00", 600), ("30:00:01", 108001)],
)
def test_times(text: str, seconds: float) -> None:
    assert span_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["90", "-5s", "5 s", "1h30m", "00:60:00", "10:00", "999999999d", 90, True, None, "nan"]
)
def test_what_is_no_time(text: object) -> None:
    with pytest.raises(ValueError, match="should"):
        span_of(text)
