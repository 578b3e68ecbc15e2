"""Our OPC UA driver against a server that is not ours: node-opcua."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from node_peer import OpcuaPlant
from opcua_points import LIMITS, at, driver_of, profile_points, readings_of, until

from config.point import Point
from drivers.driver import Accepted, LinkDown, Quality, Rejected, Setpoint
from drivers.opcua import OpcuaDriver

pytestmark = pytest.mark.server("node-opcua")

SPACE = "urn:plant"
PATIENCE_S = 30.0

POINTS = profile_points(
    power_kw=at("Power", space=SPACE),
    level=at("Level", "float", space=SPACE),
    limit_kw={
        "path": f"/Objects/nsu={SPACE};Pump/nsu={SPACE};Limit",
        "type": "int32",
        "valid": [-1e6, 1e6],
        "setpoint": LIMITS,
    },
)
VARIABLES = {"Power": ("Double", 40.0), "Level": ("Float", 0.5), "Limit": ("Int32", 0)}


@pytest.fixture
async def plants(free_port: int, tmp_path: Path) -> AsyncIterator[list[OpcuaPlant]]:
    """Those that a test starts; they end with it."""
    started: list[OpcuaPlant] = []
    yield started
    for plant in started:
        await plant.kill()


@pytest.fixture
def endpoint(free_port: int) -> str:
    return f"opc.tcp://127.0.0.1:{free_port}/plant"


async def a_plant(plants: list[OpcuaPlant], port: int, folder: Path, **spec: object) -> OpcuaPlant:
    plant = OpcuaPlant(port, folder / "plant", **{"variables": VARIABLES, **spec})
    plants.append(plant)
    await plant.start()
    return plant


async def watched(plant: OpcuaPlant, driver: OpcuaDriver, points: dict[str, Point], items: int) -> None:
    """Wait until the server watches so many values and the driver has stopped asking for them."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        before = await plant.tell("subscriptions")
        await readings_of(driver, points)
        after = await plant.tell("subscriptions")
        if after["items"] == items and after["reads"] == before["reads"]:
            return
        assert time.monotonic() < deadline_s, after
        await asyncio.sleep(0.1)


async def trusted(driver: OpcuaDriver, folder: Path) -> None:
    """Connect as an engineer does: the server's certificate is moved by hand to those that are trusted."""
    with pytest.raises(LinkDown, match="not trusted"):
        await driver.connect()
    (kept,) = (folder / "rejected").iterdir()
    (folder / "trusted").mkdir(exist_ok=True)
    kept.rename(folder / "trusted" / kept.name)
    await driver.connect()


async def test_every_security_subscribes_and_writes(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    plant = await a_plant(plants, free_port, tmp_path, user="ems", password="secret")
    for number, security in enumerate(("basic256sha256", "aes128_sha256_rsaoaep", "aes256_sha256_rsapss", "none")):
        folder = tmp_path / security
        driver = driver_of(POINTS, endpoint, folder, "secret", security=security, username="ems")
        if security == "none":
            await driver.connect()
        else:
            await trusted(driver, folder)
        await watched(plant, driver, POINTS, len(POINTS))
        before = await plant.tell("subscriptions")
        await plant.tell("set", name="Power", value=100.5 + number)
        readings = await until(driver, POINTS, lambda readings, n=number: readings["power_kw"].value == 100.5 + n)
        assert readings["level"].value == 0.5
        assert all(reading.quality is Quality.GOOD for reading in readings.values())
        assert (await plant.tell("subscriptions"))["reads"] == before["reads"]
        wanted = 20.0 + number
        assert await driver.write([Setpoint(point=POINTS["limit_kw"], value=wanted)]) == [Accepted(wanted)]
        assert await plant.tell("get", name="Limit") == {"value": wanted, "type": "Int32"}
        await until(driver, POINTS, lambda readings, v=wanted: readings["limit_kw"].value == v)
        await driver.close()
        assert (await plant.tell("subscriptions"))["sessions"] == 0


async def test_users_that_the_server_does_not_know_are_refused(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    await a_plant(plants, free_port, tmp_path, user="ems", password="secret")
    folder = tmp_path / "ours"
    wrong = driver_of(POINTS, endpoint, folder, "guessed", security="aes256_sha256_rsapss", username="ems")
    with pytest.raises(LinkDown, match="refuses user 'ems' or the password"):
        await trusted(wrong, folder)
    await wrong.close()
    nobody = driver_of(POINTS, endpoint, folder, security="aes256_sha256_rsapss")
    with pytest.raises(LinkDown, match="wants a user and a password"):
        await nobody.connect()
    await nobody.close()


async def test_a_server_that_does_not_trust_us_refuses(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    await a_plant(plants, free_port, tmp_path, trustsEverybody=False)
    folder = tmp_path / "ours"
    driver = driver_of(POINTS, endpoint, folder, security="basic256sha256")
    with pytest.raises(LinkDown, match=r"must trust .*certificate\.der"):
        await trusted(driver, folder)
    await driver.close()


async def test_a_value_that_stays_is_good_and_nobody_asks_for_it(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    plant = await a_plant(plants, free_port, tmp_path)
    driver = driver_of(POINTS, endpoint)
    await driver.connect()
    await watched(plant, driver, POINTS, len(POINTS))
    before = await plant.tell("subscriptions")
    begin_s = time.monotonic()
    while time.monotonic() < begin_s + 7.0:  # more than two time-outs
        readings = await readings_of(driver, POINTS)
        assert all(reading.quality is Quality.GOOD for reading in readings.values()), readings
        assert time.monotonic() - readings["power_kw"].received_s < 3.0
        await asyncio.sleep(0.2)
    assert (await plant.tell("subscriptions"))["reads"] == before["reads"]
    assert readings["power_kw"].received_s > begin_s + 3.0
    await driver.close()


async def test_a_killed_server_is_found_again_with_its_subscription(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    plant = await a_plant(plants, free_port, tmp_path)
    driver = driver_of(POINTS, endpoint)
    await driver.connect()
    await watched(plant, driver, POINTS, len(POINTS))
    await plant.kill()
    with pytest.raises(LinkDown):
        await until(driver, POINTS, lambda _: False)
    plant = await a_plant(plants, free_port, tmp_path)
    await driver.connect()
    await watched(plant, driver, POINTS, len(POINTS))
    before = await plant.tell("subscriptions")
    await plant.tell("set", name="Power", value=77.0)
    await until(driver, POINTS, lambda readings: readings["power_kw"].value == 77.0)
    assert (await plant.tell("subscriptions"))["reads"] == before["reads"]
    await driver.close()


async def test_a_dropped_subscription_is_made_anew_in_the_same_session(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plant = await a_plant(plants, free_port, tmp_path)
    driver = driver_of(POINTS, endpoint)
    await driver.connect()
    await watched(plant, driver, POINTS, len(POINTS))
    await plant.tell("drop")
    await plant.tell("set", name="Power", value=55.0)
    readings = await until(driver, POINTS, lambda readings: readings["power_kw"].value == 55.0)
    assert readings["power_kw"].quality is Quality.GOOD
    await watched(plant, driver, POINTS, len(POINTS))
    assert (await plant.tell("subscriptions"))["sessions"] == 1
    assert "values are polled until the server keeps a subscription" in caplog.text
    await plant.tell("set", name="Power", value=56.0)
    await until(driver, POINTS, lambda readings: readings["power_kw"].value == 56.0)
    await driver.close()


async def test_values_go_on_while_the_channels_token_is_renewed(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    plant = await a_plant(plants, free_port, tmp_path, tokenLifetimeMs=12000)
    folder = tmp_path / "ours"
    driver = driver_of(POINTS, endpoint, folder, security="basic256sha256")
    await trusted(driver, folder)
    await watched(plant, driver, POINTS, len(POINTS))
    begin_s, number = time.monotonic(), 0
    while time.monotonic() < begin_s + 14.0:  # renewed after nine seconds, the old one is over after twelve
        number += 1
        await plant.tell("set", name="Power", value=float(number))
        await until(driver, POINTS, lambda readings, n=number: readings["power_kw"].value == n)
    assert (await plant.tell("subscriptions"))["sessions"] == 1
    await driver.close()


async def test_what_the_server_thinks_of_a_value(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    plant = await a_plant(plants, free_port, tmp_path)
    driver = driver_of(POINTS, endpoint)
    await driver.connect()
    await watched(plant, driver, POINTS, len(POINTS))
    for status, quality in (
        ("UncertainLastUsableValue", Quality.UNCERTAIN),
        ("UncertainSensorNotAccurate", Quality.UNCERTAIN),
        ("BadSensorFailure", Quality.BAD),
        ("BadNotConnected", Quality.BAD),
        ("GoodLocalOverride", Quality.GOOD),
        ("GoodClamped", Quality.GOOD),
    ):
        await plant.tell("set", name="Power", value=8.0, status=status)
        readings = await until(driver, POINTS, lambda readings, q=quality: readings["power_kw"].quality is q)
        assert readings["power_kw"].value == (None if quality is Quality.BAD else 8.0)
        if quality is not Quality.GOOD:
            await until(
                driver, POINTS, lambda readings, s=status: readings["power_kw"].reason == f"the server says {s}"
            )
        assert readings["level"].quality is Quality.GOOD
    await driver.close()


async def test_a_path_that_leads_nowhere_is_bad_and_leaves_the_others_alone(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path
) -> None:
    await a_plant(plants, free_port, tmp_path)
    points = profile_points(
        power_kw={"path": f"/Objects/nsu={SPACE};Pump/nsu={SPACE};Power"},
        lost_kw={"path": f"/Objects/nsu={SPACE};Pump/nsu={SPACE};Lost", "setpoint": LIMITS},
        foreign_kw={"path": "/Objects/nsu=urn:lost;Pump"},
    )
    driver = driver_of(points, endpoint)
    await driver.connect()
    readings = await readings_of(driver, points)
    assert readings["power_kw"].value == 40.0
    lost = f"the server has nothing at /Objects/nsu={SPACE};Pump/nsu={SPACE};Lost (BadNoMatch)"
    assert readings["lost_kw"].reason == lost
    assert readings["foreign_kw"].reason == "the server has no namespace urn:lost"
    assert await driver.write([Setpoint(point=points["lost_kw"], value=1.0)]) == [Rejected(f"plc.lost_kw: {lost}")]
    await driver.close()


async def test_two_thousand_values_within_a_servers_limits(
    plants: list[OpcuaPlant], endpoint: str, free_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes 150 nodes per call, and watches 1900 of 2000."""
    limits = {"maxNodesPerRead": 150, "maxMonitoredItemsPerCall": 150, "maxNodesPerTranslateBrowsePathsToNodeIds": 150}
    plant = await a_plant(plants, free_port, tmp_path, many=2000, limits=limits, mostItems=1900)
    points = profile_points(**{f"many_{number}": at(f"Many{number}", space=SPACE) for number in range(2000)})
    driver = driver_of(points, endpoint, timeout_s=10.0, publishing_interval_s=0.5)
    await driver.connect()
    readings = await readings_of(driver, points)
    assert [reading.value for reading in readings.values()] == list(range(2000))
    deadline_s = time.monotonic() + PATIENCE_S
    while "values are polled, as the server does not watch them" not in caplog.text:
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.1)
    assert (await plant.tell("subscriptions"))["items"] == 1900
    assert "100 values are polled" in caplog.text
    assert "BadTooManyMonitoredItems" in caplog.text
    # only those that it does not watch are asked for: one call a time
    await until(driver, points, lambda readings: all(reading.value is not None for reading in readings.values()))
    await asyncio.sleep(2.0)
    before = await plant.tell("subscriptions")
    readings = await readings_of(driver, points)
    assert (await plant.tell("subscriptions"))["reads"] == before["reads"] + 1
    assert [reading.value for reading in readings.values()] == list(range(2000))
    await driver.close()
