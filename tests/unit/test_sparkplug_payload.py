"""Sparkplug payloads that others have encoded, and bytes that are none."""

from __future__ import annotations

import math
import struct
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.scaling import Refused
from drivers.sparkplug_payload import MOST_METRICS, Malformed, Metric, command, payload_of, rebirth_request
from drivers.sparkplug_types import DataType, number_of, time_of, written

# a DBIRTH of pysparkplug 0.6.1, which cuts negative numbers off at the width of their type
CUT_OFF = bytes.fromhex(
    "08808891809e3312120a026938100118808891809e33200150ff0112140a03693136100218818891809e33200250bcec0312"
    "160a03693332100318828891809e3320035090ddfbff0f121b0a03693634100418838891809e33200458809ce8afedffffff"
    "ff0112120a027538100518848891809e33200550c80112140a03753136100618858891809e33200650e0d40312160a037533"
    "32100718868891809e3320075080d0acf30e121b0a03753634100818878891809e332008588080808080808080800112130a"
    "0166100918888891809e332009650000464212170a0164100a18898891809e33200a699a9999999999b9bf12100a0162100b"
    "188a8891809e33200b700112120a0173100c188b8891809e33200c7a026f6e1803"
)
# the same of sparkplug-payload 1.0.3 (npm), which fills them up with their sign, and writes a uint32 with 64 bits
FILLED_UP = bytes.fromhex(
    "08808891809e3312150a026938100118808891809e33200150ffffffff0f12160a03693136100218818891809e33200250bc"
    "ecffff0f12160a03693332100318828891809e3320035090ddfbff0f121b0a03693634100418838891809e33200458809ce8"
    "afedffffffff0112120a027538100518848891809e33200550c80112140a03753136100618858891809e33200650e0d40312"
    "160a03753332100718868891809e3320075880d0acf30e12190a03753634100818878891809e33200858ffffffffffffff0f"
    "12130a0166100918888891809e332009650000464212170a0164100a18898891809e33200a699a9999999999b9bf12100a01"
    "62100b188a8891809e33200b700112120a0173100c188b8891809e33200c7a026f6e1803"
)

NUMBERS = {
    "i8": -1,
    "i16": -2500,
    "i32": -70000,
    "i64": -5_000_000_000,
    "u8": 200,
    "u16": 60000,
    "u32": 4_000_000_000,
    "f": 49.5,
    "d": -0.1,
    "b": 1,
}


@pytest.mark.parametrize(("payload", "u64"), [(CUT_OFF, 2**63), (FILLED_UP, 2**53 - 1)], ids=["cut_off", "filled_up"])
def test_every_type_as_others_encode_it(payload: bytes, u64: int) -> None:
    found = payload_of(payload)
    assert (found.timestamp_ms, found.seq) == (1760400000000, 3)
    assert {metric.name: number_of(metric, metric.datatype or 0) for metric in found.metrics} == {
        **NUMBERS,
        "u64": u64,
        "s": "the metric is of type 12, which is no number",
    }
    assert [metric.alias for metric in found.metrics] == list(range(1, 13))
    assert time_of(found.metrics[1].timestamp_ms) == datetime(2025, 10, 14, 0, 0, 0, 1000, tzinfo=UTC)


def metric(value: int | float | bool | None, *, long: bool = False, null: bool = False) -> Metric:
    return Metric(
        name="m", alias=None, timestamp_ms=None, datatype=None, historical=False, null=null, value=value, long=long
    )


@pytest.mark.parametrize(
    ("datatype", "found", "number"),
    [
        (DataType.INT8, metric(0x7F), 127),
        (DataType.INT8, metric(0x80), -128),
        (DataType.INT8, metric(0xFFFFFF80), -128),
        (DataType.INT8, metric(0xFFFFFFFFFFFFFF80, long=True), -128),
        (DataType.INT16, metric(0xFFFF), -1),
        (DataType.INT32, metric(0x80000000), -(2**31)),
        (DataType.INT32, metric(0xFFFFFFFF, long=True), -1),
        (DataType.INT64, metric(0xFFFFFFFF, long=True), 2**32 - 1),
        (DataType.INT64, metric(2**64 - 1, long=True), -1),
        (DataType.UINT8, metric(255), 255),
        (DataType.UINT64, metric(2**64 - 1, long=True), float(2**64 - 1)),
        (DataType.BOOLEAN, metric(False), 0),
        (DataType.FLOAT, metric(0.0), 0),
    ],
)
def test_numbers_with_a_sign_and_without(datatype: int, found: Metric, number: float) -> None:
    assert number_of(found, datatype) == number


@pytest.mark.parametrize(
    ("datatype", "found"),
    [
        (DataType.INT8, metric(0x100)),
        (DataType.INT8, metric(0xFFFFFF7F)),
        (DataType.INT32, metric(2**32, long=True)),
        (DataType.INT64, metric(0xFFFFFFFF)),  # of 32 bits: it cannot be told whether this is -1
        (DataType.UINT8, metric(256)),
        (DataType.UINT32, metric(2**32, long=True)),
        (DataType.UINT16, metric(1.0)),
        (DataType.FLOAT, metric(1)),
        (DataType.BOOLEAN, metric(1)),
        (DataType.INT16, metric(True)),
        (DataType.DOUBLE, metric(None)),
        (0, metric(1)),
        (13, metric(1760400000000, long=True)),  # a date
        (99, metric(1.0)),
        (DataType.INT8, metric(1, null=True)),
    ],
)
def test_what_does_not_fit_its_type_is_no_number(datatype: int, found: Metric) -> None:
    assert isinstance(number_of(found, datatype), str)


def test_times_that_no_calendar_has() -> None:
    assert time_of(None) is None
    assert time_of(2**64 - 1) is None


# -- bytes that are no payload -------------------------------------------------------------------


def test_a_payload_cut_off_anywhere_says_so_or_says_less() -> None:
    whole = payload_of(CUT_OFF).metrics
    said = 0
    for length in range(len(CUT_OFF)):
        try:
            found = payload_of(CUT_OFF[:length]).metrics
        except Malformed:
            said += 1
        else:
            assert found == whole[: len(found)]  # cut off between two fields
    assert said > len(CUT_OFF) - 20


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\xff" * 11, "more than 64 bits"),
        (b"\x12\xff\xff\xff\xff\x0f", "in the middle of a field"),  # four gigabytes are announced
        (b"\x00", "a field without a number"),
        (b"\x13", "the unknown form 3"),
        (b"\x12\x03\x0a\x01\xff", "the name of a metric is no text"),
        (b"\x22\x12SPBV1.0_COMPRESSED", "compressed"),
        (b"\x12\x00" * (MOST_METRICS + 1), "more than 20000 metrics"),
    ],
)
def test_what_is_no_payload_is_said(payload: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        payload_of(payload)


def test_depth_costs_nothing() -> None:
    nested = b""
    for _ in range(2000):  # templates in templates
        nested = b"\x92\x01" + _length(nested) + nested
        nested = b"\x12" + _length(nested) + nested
    begun_s = time.monotonic()
    assert payload_of(nested).metrics[0].value is None
    assert time.monotonic() - begun_s < 1.0


def _length(data: bytes) -> bytes:
    size, written = len(data), bytearray()
    while size > 127:
        written.append(size & 127 | 128)
        size >>= 7
    return bytes([*written, size])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_malformed(data: bytes) -> None:
    try:
        found = payload_of(data)
    except Malformed:
        return
    for each in found.metrics:
        for datatype in range(16):
            assert isinstance(number_of(each, datatype), float | str)


@given(st.binary(max_size=40), st.integers(0, len(CUT_OFF)))
def test_a_payload_with_noise_in_it(noise: bytes, place: int) -> None:
    try:
        payload_of(CUT_OFF[:place] + noise + CUT_OFF[place:])
    except Malformed:
        return


def test_the_last_of_several_values_counts() -> None:
    # int_value 5, then float_value 1.5
    both = b"\x50\x05\x65" + struct.pack("<f", 1.5)
    (found,) = payload_of(b"\x12" + _length(both) + both).metrics
    assert found.value == 1.5
    # and a text after it is no number
    text = both + b"\x7a\x02on"
    (found,) = payload_of(b"\x12" + _length(text) + text).metrics
    assert found.value is None


def test_not_a_number_stays_none() -> None:
    assert math.isnan(number_of(metric(math.nan), DataType.DOUBLE))  # type: ignore[arg-type]


def test_a_request_for_a_birth_reads_back() -> None:
    found = payload_of(rebirth_request(1760400000000))
    assert found.timestamp_ms == 1760400000000
    (asked,) = found.metrics
    assert (asked.name, asked.datatype, asked.value) == ("Node Control/Rebirth", DataType.BOOLEAN, True)


@pytest.mark.parametrize(
    ("datatype", "number", "back"),
    [
        (DataType.INT8, -1.4, -1),
        (DataType.INT16, -2500, -2500),
        (DataType.INT32, -70000, -70000),
        (DataType.INT64, -5e9, -5e9),
        (DataType.UINT8, 254.6, 255),
        (DataType.UINT32, 4e9, 4e9),
        (DataType.UINT64, 2.0**63, 2.0**63),
        (DataType.FLOAT, 49.5, 49.5),
        (DataType.DOUBLE, -0.1, -0.1),
        (DataType.BOOLEAN, 1, 1),
    ],
)
def test_what_is_written_reads_back(datatype: int, number: float, back: float) -> None:
    (found,) = payload_of(command("Limit", datatype, written(number, datatype), 1760400000000)).metrics
    assert (found.name, found.datatype, found.timestamp_ms) == ("Limit", datatype, 1760400000000)
    assert number_of(found, datatype) == back


@pytest.mark.parametrize(
    ("datatype", "number"),
    [
        (DataType.INT8, 128),
        (DataType.INT8, -129),
        (DataType.UINT16, -1),
        (DataType.UINT64, 2.0**64),
        (DataType.FLOAT, 1e39),
        (DataType.BOOLEAN, 0.5),
        (12, 1),
    ],
)
def test_what_does_not_fit_is_not_written(datatype: int, number: float) -> None:
    with pytest.raises(Refused):
        written(number, datatype)
