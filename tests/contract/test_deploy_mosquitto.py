"""The broker's configuration, read by a real mosquitto: nobody without a password, nobody beyond their own name."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

pytestmark = pytest.mark.server("mosquitto")

CONFIG = Path(__file__).parents[2] / "deploy" / "mosquitto"
PASSWORD = "test-password"


@pytest.fixture
def broker(tmp_path: Path, free_port: int) -> Iterator[int]:
    """The shipped files, with only the addresses changed: folders, port, and the user it runs as."""
    config = (CONFIG / "mosquitto.conf").read_text()
    for shipped, here in (
        ("listener 1883", f"listener {free_port} 127.0.0.1"),
        ("/mosquitto/config/", f"{tmp_path}/"),
        ("/mosquitto/data/", f"{tmp_path}/"),
    ):
        assert shipped in config
        config = config.replace(shipped, here)
    (tmp_path / "mosquitto.conf").write_text(f"{config}\nuser {getpass.getuser()}\n")
    shutil.copy(CONFIG / "acl", tmp_path / "acl")
    (tmp_path / "acl").chmod(0o600)
    passwords = tmp_path / "passwords"
    for number, user in enumerate(("parkgrid", "hall_1")):
        create = ["-c"] if number == 0 else []
        subprocess.run(["mosquitto_passwd", *create, "-b", str(passwords), user, PASSWORD], check=True)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(tmp_path / "mosquitto.conf")], stdout=log, stderr=log)
    give_up = time.monotonic() + 10
    while True:
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < give_up
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", free_port)) == 0:
                break
        time.sleep(0.02)
    yield free_port
    process.terminate()
    process.wait(10)


def client(port: int, user: str | None) -> aiomqtt.Client:
    password = None if user is None else PASSWORD
    return aiomqtt.Client("127.0.0.1", port, username=user, password=password, timeout=5)


async def heard(port: int, reader: str, writer: str, topic: str) -> bool:
    """Whether what `writer` says on a topic comes to `reader`, before what the reader is surely allowed to hear."""
    own = f"park/{reader}/end"
    async with client(port, reader) as listening, client(port, writer) as saying, client(port, "parkgrid") as ending:
        await listening.subscribe(topic, qos=1)
        await listening.subscribe(own, qos=1)
        await saying.publish(topic, b"1", qos=1)
        await ending.publish(own, b"end", qos=1)
        async for message in listening.messages:
            return message.topic.value == topic
    raise AssertionError("the broker closed the connection")


@pytest.mark.parametrize("user", [None, "stranger"])
async def test_nobody_comes_in_without_a_password(broker: int, user: str | None) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori[sz]ed"):
        async with client(broker, user):
            pass


async def test_a_device_speaks_only_under_its_own_name(broker: int) -> None:
    assert await heard(broker, "parkgrid", "hall_1", "park/hall_1/meter")
    assert not await heard(broker, "parkgrid", "hall_1", "park/hall_2/meter")


async def test_a_device_hears_only_what_is_meant_for_it(broker: int) -> None:
    assert await heard(broker, "hall_1", "parkgrid", "park/hall_1/set")
    assert not await heard(broker, "hall_1", "parkgrid", "park/hall_2/set")
