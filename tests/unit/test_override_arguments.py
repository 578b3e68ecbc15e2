"""What `parkgrid override` takes: times, assets and values."""

from __future__ import annotations

from datetime import timedelta

import pytest
from park_builder import ParkBuilder

from parkgrid.operating import duration
from parkgrid.override import LONGEST, setpoint_range
from parkgrid.refusal import Refused


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("168h", timedelta(days=7)),
    ],
)
def test_times(text: str, lasts: timedelta) -> None:
    assert duration(text, "an override", LONGEST) == lasts


@pytest.mark.parametrize("text", ["", "30", "m", "1h30m", "-5m", "1.5h", "30 m", "30M", "٣m", "9999999999s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Refused, match="should look like 90s, 30m, 2h or 1d"):
        duration(text, "an override", LONGEST)


@pytest.mark.parametrize("text", ["0s", "8d", "169h", "604801s", "999999999d"])
def test_too_short_and_too_long(text: str) -> None:
    with pytest.raises(Refused, match="an override lasts from 1 s to 7 days"):
        duration(text, "an override", LONGEST)


def test_the_range_is_that_of_the_setpoint(park: ParkBuilder) -> None:
    assert (setpoint_range("battery", park.site).low, setpoint_range("battery", park.site).high) == (-1000, 1000)
    assert (setpoint_range("boiler", park.site).low, setpoint_range("boiler", park.site).high) == (0, 1500)


def test_what_cannot_be_held(park: ParkBuilder) -> None:
    with pytest.raises(Refused, match=r"no asset 'batery'; did you mean 'battery'\?"):
        setpoint_range("batery", park.site)
    with pytest.raises(Refused, match="hall_1 cannot be held: it is only measured; what can is pv_a, pv_b, wind"):
        setpoint_range("hall_1", park.site)
    locked = park.with_device("battery_pcs", write=()).site
    with pytest.raises(Refused, match="the site file does not let its power_setpoint_kw be written"):
        setpoint_range("battery", locked)
