"""Operator overrides: a file each, whole or absent, and never the end of the controller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.override import Override, OverrideFolder, in_force

UNTIL = datetime(2026, 10, 14, 5, 0, tzinfo=UTC)


def override(asset: str = "battery", value_kw: float = -150.0, until: datetime = UNTIL) -> Override:
    return Override(asset=asset, value_kw=value_kw, owner="Li", reason="test run", until=until)


def test_what_is_put_is_read_until_it_is_cleared(tmp_path: Path) -> None:
    folder = OverrideFolder(tmp_path)
    assert folder.read() == ([], [])
    folder.put(override("wind", 500.0))
    folder.put(override("battery"))
    assert folder.read() == ([override("battery"), override("wind", 500.0)], [])
    assert OverrideFolder(tmp_path).read() == folder.read()
    assert folder.clear("wind")
    assert not folder.clear("wind")
    assert folder.read() == ([override("battery")], [])


def test_a_second_override_replaces_the_first(tmp_path: Path) -> None:
    folder = OverrideFolder(tmp_path)
    folder.put(override(value_kw=100.0))
    folder.put(override(value_kw=200.0))
    assert folder.read() == ([override(value_kw=200.0)], [])
    assert sorted(path.name for path in (tmp_path / "overrides").iterdir()) == ["battery.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe rubbish", b'{"asset": "battery"}', b'{"asset": "../state", "value_kw": 1}', b"[]"],
)
def test_a_damaged_file_is_named_and_the_others_count(tmp_path: Path, content: bytes) -> None:
    folder = OverrideFolder(tmp_path)
    folder.put(override("wind", 500.0))
    (tmp_path / "overrides" / "battery.json").write_bytes(content)
    assert folder.read() == ([override("wind", 500.0)], ["battery.json"])


def test_what_is_no_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "overrides" / "battery.json").mkdir(parents=True)
    assert OverrideFolder(tmp_path).read() == ([], ["battery.json"])


def test_a_write_that_broke_off_is_not_read(tmp_path: Path) -> None:
    folder = OverrideFolder(tmp_path)
    folder.put(override())
    (tmp_path / "overrides" / "battery.partial").write_text('{"asset": "bat')
    assert folder.read() == ([override()], [])


def test_an_override_ends_at_its_time(tmp_path: Path) -> None:
    held = [override("battery"), override("wind", 500.0, UNTIL + timedelta(hours=1))]
    assert set(in_force(held, UNTIL - timedelta(seconds=1))) == {"battery", "wind"}
    assert set(in_force(held, UNTIL)) == {"wind"}
    assert in_force(held, UNTIL + timedelta(hours=1)) == {}


def test_its_end_is_a_time_wherever_it_was_set() -> None:
    hangzhou = Override.model_validate_json(
        '{"asset": "battery", "value_kw": 0, "owner": "Li", "reason": "", "until": "2026-10-14T13:00:00+08:00"}'
    )
    assert hangzhou.until == UNTIL
    assert in_force([hangzhou], UNTIL) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"asset": "../state"},
        {"asset": "Battery 1"},
        {"value_kw": float("nan")},
        {"value_kw": float("inf")},
        {"value_kw": True},
        {"until": datetime(2026, 10, 14, 5, 0)},  # noqa: DTZ001 - without a zone on purpose
        {"unknown": 1},
    ],
)
def test_an_override_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Override(**{**override().model_dump(), **changes})
