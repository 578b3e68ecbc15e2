"""The park's socket for commands about faults: what it answers, and who may speak to it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fault_rig import fault_site

from config.runtime import park_socket, runtime_folder
from simulators import control
from simulators.control import ControlSocket
from simulators.faults.book import FaultBook

NOW = datetime(2026, 10, 14, 7, 0, tzinfo=UTC)


@pytest.fixture
def ear(tmp_path: Path) -> ControlSocket:
    return ControlSocket(tmp_path / "p.sock", FaultBook(fault_site(), start=NOW, seed=1), lambda: NOW, 60.0)


def asked(ear: ControlSocket, request: Any) -> dict[str, Any]:
    return asyncio.run(ear.answer(request if isinstance(request, bytes) else json.dumps(request).encode()))


def test_set_list_and_clear(ear: ControlSocket) -> None:
    answer = asked(ear, {"do": "set", "fault": {"kind": "bias", "target": "turbine_m", "offset": 5, "for": "60s"}})
    assert answer == {
        "faults": [
            {
                "id": "fault_1",
                "kind": "bias",
                "target": "turbine_m",
                "points": [],
                "offset": 5.0,
                "by": "command",
                "state": "waiting",
                "begin": "2026-10-14T07:00:00+00:00",
                "end": "2026-10-14T07:01:00+00:00",
            }
        ],
        "now": "2026-10-14T07:00:00+00:00",
        "speed": 60.0,
    }
    assert asked(ear, {"do": "list"}) == answer
    (cleared,) = asked(ear, {"do": "clear", "id": "fault_1"})["faults"]
    assert cleared["state"] == "over"
    assert asked(ear, {"do": "clear"})["faults"] == []


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (b"\xff\n", "should be one JSON object"),
        (b"[" * 5000, "should be one JSON object"),
        (b"[]", "should be one JSON object"),
        ({"do": "dance"}, "to list, to set a fault, to clear one, or to step"),
        ({"do": "set"}, "to list, to set a fault, to clear one, or to step"),
        ({"do": "clear", "id": 7}, "there is no fault '7'; known are none"),
        ({"do": "set", "fault": {}}, "needs a 'kind'"),
        ({"do": "set", "fault": {"kind": "frozn", "target": "x"}}, "kind 'frozn' is unknown; did you mean 'frozen'?"),
        ({"do": "set", "fault": {"kind": "bias", "target": "turbine_m"}}, "offset is missing"),
        ({"do": "set", "fault": {"kind": "frozen", "target": "x"}}, "there is no device 'x'"),
        (
            {"do": "set", "fault": {"kind": "wrong_value", "target": "turbine_m", "value": "5x"}},
            "value is '5x', should",
        ),
        (
            b'{"do": "set", "fault": {"kind": "bias", "target": "turbine_m", "offset": NaN}}',
            "should be a finite number",
        ),
    ],
)
def test_nonsense_is_refused_in_words(ear: ControlSocket, request_: Any, words: str) -> None:
    answer = asked(ear, request_)
    assert set(answer) == {"refused"}
    assert words in answer["refused"]


async def test_only_its_user_may_speak_to_it_and_nothing_is_left(ear: ControlSocket) -> None:
    await ear.open()
    mode = ear.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    reader, writer = await asyncio.open_unix_connection(ear.path)
    for _ in range(2):
        writer.write(b'{"do": "list"}\n')
        assert json.loads(await asyncio.wait_for(reader.readline(), 5))["faults"] == []
    await ear.close()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert not ear.path.exists()


async def test_lines_and_clients_are_bounded(ear: ControlSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MOST_CLIENTS", 1)
    await ear.open()
    reader, writer = await asyncio.open_unix_connection(ear.path)
    writer.write(b'{"do": "list"}\n')
    await asyncio.wait_for(reader.readline(), 5)
    second, second_writer = await asyncio.open_unix_connection(ear.path)
    assert json.loads(await asyncio.wait_for(second.read(), 5)) == {"refused": "1 commands are under way already"}
    second_writer.close()
    writer.write(b" " * (control.LONGEST_LINE + 10) + b"\n")
    answer = json.loads(await asyncio.wait_for(reader.readline(), 5))
    assert answer == {"refused": "a line is at most 65536 bytes"}
    writer.close()
    await ear.close()


async def test_a_client_that_says_nothing_is_let_go(ear: ControlSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE_S", 0.05)
    await ear.open()
    reader, writer = await asyncio.open_unix_connection(ear.path)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await ear.close()


def test_the_runtime_folder_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = runtime_folder()
    assert folder == tmp_path / "parkgrid"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert park_socket(5) == folder / "park-5.sock"
    folder.chmod(0o750)
    with pytest.raises(OSError, match="nobody else may enter"):
        runtime_folder()


@pytest.mark.parametrize("given", ["", "/nowhere/at/all", "long"])
def test_without_a_session_the_folder_is_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    if given == "long":
        given = str(tmp_path / ("x" * 100))
        Path(given).mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", given)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert runtime_folder() == tmp_path / f"parkgrid-{os.getuid()}"


def test_a_link_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "parkgrid").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(OSError, match="should be a folder that belongs to this user"):
        runtime_folder()
