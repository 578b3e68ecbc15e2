"""Line protocol to the letter, and what a record may not say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.telemetry.record import BadRecord, Record, from_line, to_line

AT = datetime(2026, 10, 14, 0, 0, 0, 123456, tzinfo=UTC)
ASSET = {"site": "demo", "kind": "battery", "asset": "battery"}


def test_a_record_is_one_line_with_sorted_tags_and_nanoseconds() -> None:
    record = Record("asset", ASSET, {"power_kw": -250, "soc": 0.5, "available": True, "mode": "automatic"}, AT)
    assert to_line(record) == (
        "asset,asset=battery,kind=battery,site=demo"
        ' power_kw=-250.0,soc=0.5,available=true,mode="automatic" 1791936000123456000'
    )


def test_a_float_field_is_a_float_whatever_it_is_given() -> None:
    values = [1, 1.0, np.float64(1), np.float32(1), np.int64(1)]
    lines = {to_line(Record("asset", ASSET, {"power_kw": value}, AT)) for value in values}
    assert lines == {"asset,asset=battery,kind=battery,site=demo power_kw=1.0 1791936000123456000"}


def test_numbers_keep_every_digit() -> None:
    line = to_line(Record("asset", ASSET, {"power_kw": 0.1 + 0.2, "soc": 1e-12}, AT))
    assert line is not None
    assert " power_kw=0.30000000000000004,soc=1e-12 " in line


def test_integers_and_flags_of_int_fields_carry_an_i() -> None:
    fields = {"overruns": np.int32(7), "queue": 0, "active_alarms": True}
    line = to_line(Record("controller", {"site": "demo"}, fields, AT))
    assert line == "controller,site=demo overruns=7i,queue=0i,active_alarms=1i 1791936000123456000"


def test_a_numpy_flag_is_a_flag() -> None:
    line = to_line(Record("asset", ASSET, {"available": np.bool_(False)}, AT))
    assert line == "asset,asset=battery,kind=battery,site=demo available=false 1791936000123456000"


def test_text_is_escaped() -> None:
    line = to_line(Record("controller", {"site": "demo"}, {"mode": 'a "b" \\ c,d=e'}, AT))
    assert line == 'controller,site=demo mode="a \\"b\\" \\\\ c,d=e" 1791936000123456000'


def test_tags_are_escaped() -> None:
    line = to_line(Record("controller", {"site": "a b,c=d"}, {"queue": 1}, AT))
    assert line == "controller,site=a\\ b\\,c\\=d queue=1i 1791936000123456000"


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), -np.inf, np.float32("nan")])
def test_a_missing_value_is_left_out_and_never_a_zero(nothing: float | None) -> None:
    line = to_line(Record("asset", ASSET, {"power_kw": nothing, "soc": 0.5}, AT))
    assert line == "asset,asset=battery,kind=battery,site=demo soc=0.5 1791936000123456000"
    assert to_line(Record("asset", ASSET, {"power_kw": nothing}, AT)) is None


def test_an_alarm_of_the_whole_site_has_no_asset() -> None:
    line = to_line(Record("alarm", {"site": "demo", "alarm": "influxdb_down", "asset": ""}, {"active": 1}, AT))
    assert line == "alarm,alarm=influxdb_down,site=demo active=1i 1791936000123456000"


def test_a_point_has_the_fields_that_its_profile_names() -> None:
    fields = {"supply_degc": 65, "bad": 2, "age_s": 1}
    line = to_line(Record("point", {"site": "demo", "device": "tank"}, fields, AT))
    assert line == "point,device=tank,site=demo supply_degc=65.0,bad=2i,age_s=1.0 1791936000123456000"


def test_the_time_zone_does_not_matter_but_must_be_there() -> None:
    there = AT.astimezone(timezone(timedelta(hours=8)))
    assert to_line(Record("controller", {"site": "demo"}, {"queue": 1}, there)) == to_line(
        Record("controller", {"site": "demo"}, {"queue": 1}, AT)
    )
    with pytest.raises(BadRecord, match="no time zone"):
        to_line(Record("controller", {"site": "demo"}, {"queue": 1}, AT.replace(tzinfo=None)))


@pytest.mark.parametrize(
    ("measurement", "tags", "fields", "complaint"),
    [
        ("assets", ASSET, {"power_kw": 1.0}, "'assets' is not a measurement"),
        ("asset", {"site": "demo", "asset": "pv"}, {"power_kw": 1.0}, "needs the tag kind"),
        ("asset", ASSET | {"kind": ""}, {"power_kw": 1.0}, "needs the tag kind"),
        ("asset", ASSET | {"unit": "1"}, {"power_kw": 1.0}, "has no tag unit"),
        ("asset", ASSET | {"asset": "a\\"}, {"power_kw": 1.0}, "tag asset cannot hold"),
        ("asset", ASSET | {"asset": "a\nb"}, {"power_kw": 1.0}, "tag asset cannot hold"),
        ("asset", ASSET | {"asset": "\ud800"}, {"power_kw": 1.0}, "tag asset cannot hold"),
        ("asset", ASSET, {"power": 1.0}, "asset has no field 'power'"),
        ("asset", ASSET, {"power_kw": "1"}, "asset.power_kw is of type float"),
        ("asset", ASSET, {"power_kw": True}, "asset.power_kw is of type float"),
        ("asset", ASSET, {"power_kw": 10**400}, "asset.power_kw is of type float"),
        ("asset", ASSET, {"available": 1}, "asset.available is of type bool"),
        ("asset", ASSET, {"mode": 1}, "asset.mode is of type str"),
        ("asset", ASSET, {"mode": "x" * 70_000}, "asset.mode is of type str"),
        ("asset", ASSET, {"mode": "\udc80"}, "asset.mode is of type str"),
        ("controller", {"site": "demo"}, {"queue": 1.0}, "controller.queue is of type int"),
        ("controller", {"site": "demo"}, {"queue": 2**63}, "controller.queue is of type int"),
        ("point", {"site": "demo", "device": "d"}, {"time": 1.0}, "point has no field 'time'"),
        ("point", {"site": "demo", "device": "d"}, {"a b": 1.0}, "point has no field 'a b'"),
    ],
)
def test_what_a_record_may_not_say(
    measurement: str, tags: dict[str, str], fields: dict[str, float], complaint: str
) -> None:
    with pytest.raises(BadRecord, match=complaint):
        to_line(Record(measurement, tags, fields, AT))


TAGS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"), min_size=1, max_size=20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(tag=TAGS, text=TEXTS, number=FLOATS, flag=st.booleans(), at=TIMES)
def test_a_line_reads_back_as_the_record(tag: str, text: str, number: float, flag: bool, at: datetime) -> None:
    tags = {"site": tag, "asset": "a", "kind": tag}
    fields = {"power_kw": number, "available": flag, "mode": text}
    line = to_line(Record("asset", tags, fields, at))
    assert line is not None
    assert from_line(line) == Record("asset", tags, fields, at)


@given(count=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_read_back(count: int) -> None:
    record = Record("controller", {"site": "demo"}, {"queue": count}, AT)
    line = to_line(record)
    assert line is not None
    assert from_line(line) == record
