"""What becomes of values when an OPC UA server does not subscribe as it should."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from asyncua import Node, Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.address_space import AttributeService
from asyncua.server.internal_server import InternalServer
from asyncua.server.subscription_service import SubscriptionService
from chaos_proxy import ChaosProxy
from opcua_points import LIMITS, URI, at, driver_of, profile_points, readings_of, until

from drivers.driver import Accepted, LinkDown, Quality, Setpoint
from drivers.opcua import OpcuaDriver
from simulators.servers.namespace_zero import SmallInternalServer

TIMEOUT_S = 1.0
PATIENCE_S = 20.0

POINTS = profile_points(power_kw=at("Power"), limit_kw=at("Limit", setpoint=LIMITS), soc=at("Soc"))


class Reads(AttributeService):
    """Counts how often values are asked for."""

    count = 0

    def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        self.count += any(node.NodeId.NamespaceIndex > 1 for node in params.NodesToRead)
        values: list[ua.DataValue] = super().read(params)
        return values


class Subscriptions(SubscriptionService):
    """Serves them as a test wants it."""

    def __init__(self, inner: InternalServer) -> None:
        super().__init__(inner.aspace, inner)
        self.unsupported = False
        self.keep_alive: int | None = None
        self.refused: dict[ua.NodeId, ua.StatusCode] = {}
        self.slow: set[ua.NodeId] = set()
        self.made = 0

    async def create_subscription(self, params: Any, *rest: Any, **more: Any) -> ua.CreateSubscriptionResult:
        if self.unsupported:
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        self.made += 1
        if self.keep_alive is not None:
            params.RequestedMaxKeepAliveCount = self.keep_alive
        return await super().create_subscription(params, *rest, **more)

    async def create_monitored_items(self, params: Any) -> list[ua.MonitoredItemCreateResult]:
        verdicts: list[ua.MonitoredItemCreateResult] = await super().create_monitored_items(params)
        for item, verdict in zip(params.ItemsToCreate, verdicts, strict=True):
            if item.ItemToMonitor.NodeId in self.refused:
                verdict.StatusCode = self.refused[item.ItemToMonitor.NodeId]
            if item.ItemToMonitor.NodeId in self.slow:
                verdict.RevisedSamplingInterval = 60_000.0
        return verdicts

    async def fall_silent(self) -> None:
        """As a server whose publishing has died, and nothing else of it."""
        for subscription in list(self.subscriptions.values()):
            subscription._task.cancel()
            await asyncio.gather(subscription._task, return_exceptions=True)


@dataclass
class Plant:
    port: int
    reads: Reads
    subscriptions: Subscriptions
    nodes: dict[str, Node] = field(default_factory=dict)

    def driver(self, **spec: Any) -> OpcuaDriver:
        endpoint = f"opc.tcp://127.0.0.1:{spec.pop('port', self.port)}/plant"
        return driver_of(POINTS, endpoint, **{"timeout_s": TIMEOUT_S, **spec})

    async def show(self, name: str, value: float) -> None:
        await self.nodes[name].write_value(ua.Variant(value, ua.VariantType.Double))


@pytest.fixture
async def plant(free_port: int) -> AsyncIterator[Plant]:
    inner = SmallInternalServer()
    inner.attribute_service = reads = Reads(inner.aspace)
    inner.subscription_service = subscriptions = Subscriptions(inner)
    server = Server(inner)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port}/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    plant = Plant(free_port, reads, subscriptions)
    for name in ("Power", "Limit", "Soc"):
        node_id, double = ua.NodeId(name, index), ua.VariantType.Double
        plant.nodes[name] = await server.nodes.objects.add_variable(node_id, f"{index}:{name}", 40.0, double)
        await plant.nodes[name].set_writable()
    async with server:
        yield plant


@pytest.fixture
async def line(plant: Plant) -> AsyncIterator[ChaosProxy]:
    line = ChaosProxy()
    await line.open(plant.port)
    yield line
    line.thaw()
    await line.shut()


@contextlib.asynccontextmanager
async def connected(driver: OpcuaDriver) -> AsyncIterator[OpcuaDriver]:
    await driver.connect()
    try:
        yield driver
    finally:
        await driver.close()


async def no_more_asked(plant: Plant, driver: OpcuaDriver, each_time: int = 0) -> None:
    """Wait until reading costs the server so many calls only: none when all comes by subscription."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        before = plant.reads.count
        await readings_of(driver, POINTS)
        if plant.reads.count == before + each_time:
            return
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.05)


async def said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while words not in caplog.text:
        assert time.monotonic() < deadline_s, caplog.text
        await asyncio.sleep(0.05)


async def test_changes_come_without_asking(plant: Plant) -> None:
    async with connected(plant.driver()) as driver:
        await no_more_asked(plant, driver)
        before = plant.reads.count
        for value in (1.0, 2.0, 3.0):
            await plant.show("Power", value)
            readings = await until(driver, POINTS, lambda readings, v=value: readings["power_kw"].value == v)
            assert readings["soc"].value == 40.0
        assert plant.reads.count == before


async def test_a_polled_connection_asks_each_time_and_makes_no_subscription(plant: Plant) -> None:
    async with connected(plant.driver(mode="poll")) as driver:
        for value in (1.0, 2.0, 3.0):
            await plant.show("Power", value)
            before = plant.reads.count
            readings = await readings_of(driver, POINTS)
            assert readings["power_kw"].value == value
            assert plant.reads.count == before + 1
        await asyncio.sleep(0.3)
        assert plant.subscriptions.made == 0


@pytest.mark.parametrize("fault", ["unsupported", "too_many", "too_quiet"])
async def test_a_server_that_cannot_subscribe_is_polled_and_it_says_so(
    plant: Plant, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    match fault:
        case "unsupported":
            plant.subscriptions.unsupported = True
            words = "the server says BadServiceUnsupported"
        case "too_many":
            assert plant.subscriptions.iserver is not None
            plant.subscriptions.iserver.max_subscriptions = 0
            words = "the server says BadTooManySubscriptions"
        case _:
            plant.subscriptions.keep_alive = 40
            words = "the server would be quiet for 10 s, and after timeout_s (1) a value is doubted"
    async with connected(plant.driver()) as driver:
        await said(caplog, f"values are polled until the server keeps a subscription: {words}")
        for value in (1.0, 2.0, 3.0):
            await plant.show("Power", value)
            assert (await readings_of(driver, POINTS))["power_kw"].value == value


async def test_a_value_that_the_server_does_not_watch_is_polled_alone(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    refused, slow = plant.nodes["Power"].nodeid, plant.nodes["Soc"].nodeid
    plant.subscriptions.refused[refused] = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
    plant.subscriptions.slow.add(slow)
    async with connected(plant.driver()) as driver:
        await readings_of(driver, POINTS)
        await said(caplog, "2 values are polled, as the server does not watch them: ")
        assert f"{refused.to_string()} (BadTooManyMonitoredItems)" in caplog.text
        assert f"{slow.to_string()} (looked at every 60 s)" in caplog.text
        await no_more_asked(plant, driver, each_time=1)
        await plant.show("Power", 5.0)
        await plant.show("Soc", 6.0)
        readings = await readings_of(driver, POINTS)
        assert (readings["power_kw"].value, readings["soc"].value) == (5.0, 6.0)


async def test_a_subscription_that_falls_silent_shows_no_old_value(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(plant.driver()) as driver:
        await no_more_asked(plant, driver)
        await plant.subscriptions.fall_silent()
        await plant.show("Power", 9.0)
        fell_s = time.monotonic()
        readings = await until(driver, POINTS, lambda readings: readings["power_kw"].value == 9.0)
        assert time.monotonic() - fell_s < TIMEOUT_S + 2.0
        assert readings["power_kw"].quality is Quality.GOOD
        await said(caplog, "the server has said nothing for 3 s")
        await no_more_asked(plant, driver)
        assert plant.subscriptions.made == 2
        await plant.show("Power", 10.0)
        await until(driver, POINTS, lambda readings: readings["power_kw"].value == 10.0)


async def test_a_frozen_server_is_noticed_behind_a_subscription(plant: Plant, line: ChaosProxy) -> None:
    async with connected(plant.driver(port=line.port)) as driver:
        await no_more_asked(plant, driver)
        line.freeze()
        frozen_s = time.monotonic()
        last_s = frozen_s
        with pytest.raises(LinkDown, match="no answer in time"):  # noqa: PT012
            while True:
                readings = await readings_of(driver, POINTS)
                last_s = readings["power_kw"].received_s
                assert time.monotonic() - frozen_s < 10.0
                await asyncio.sleep(0.05)
        assert last_s <= frozen_s + 0.1
        line.thaw()
        await driver.connect()
        await no_more_asked(plant, driver)


async def test_a_value_that_falls_back_right_after_its_write_is_not_shown_as_written(plant: Plant) -> None:
    async with connected(plant.driver()) as driver:
        await no_more_asked(plant, driver)
        for written in (80.0, 90.0):
            assert await driver.write([Setpoint(point=POINTS["limit_kw"], value=written)]) == [Accepted(written)]
            assert (await readings_of(driver, POINTS))["limit_kw"].value == written
            await plant.show("Limit", 40.0)
            await until(driver, POINTS, lambda readings: readings["limit_kw"].value == 40.0)
        await no_more_asked(plant, driver)
        assert (await readings_of(driver, POINTS))["limit_kw"].value == 40.0


async def test_a_missing_message_ends_the_subscription(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(plant.driver()) as driver:
        await no_more_asked(plant, driver)
        (subscription,) = plant.subscriptions.subscriptions.values()
        subscription._notification_seq += 1
        await plant.show("Power", 9.0)
        await said(caplog, "a message is missing")
        await until(driver, POINTS, lambda readings: readings["power_kw"].value == 9.0)
        await no_more_asked(plant, driver)
        assert plant.subscriptions.made == 2


async def test_a_device_that_is_lost_while_another_reads_has_all_its_values_again(plant: Plant) -> None:
    """Two devices share a session: the new one watches the nodes of both, whoever opened it."""
    first = plant.driver()
    second = OpcuaDriver(first._connection, list(POINTS.values()), first._clock)
    async with connected(first), connected(second):
        await no_more_asked(plant, first)
        assert plant.subscriptions.made == 1
        (subscription,) = plant.subscriptions.subscriptions.values()
        assert len(subscription.monitored_item_srv._monitored_items) == len(POINTS)
        await first.close()
        await plant.show("Power", 3.0)
        await until(second, POINTS, lambda readings: readings["power_kw"].value == 3.0)
