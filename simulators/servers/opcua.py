"""An OPC UA server: the nodes that the profiles of its devices name, for everybody, in the open or encrypted."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AddressSpace, AttributeService
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from config.point import Point
from config.point_spec import OpcuaPoint
from simulators.encoding import raw_of, value_of
from simulators.faults.present import Present
from simulators.served import Served
from simulators.servers.namespace_zero import SmallInternalServer
from simulators.servers.object_tree import APPLICATION, Tree, namespace_of
from simulators.servers.own_certificate import made_certificate
from simulators.servers.registers import in_range
from simulators.watchdog import Watchdog

_LOOPBACK = "127.0.0.1"

_POLICIES = [
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
"""What a site file may ask for; every client's certificate is taken."""


SLOW_S = 1.0
"""How often a server looks at values of the slow read class, and renews the time stamps of those that stay."""


@cache
def _status(name: str) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(getattr(StatusCodes, name)))


GOOD = _status("Good")
OUT_OF_RANGE = _status("BadOutOfRange")

_VARIANTS = {
    "double": ua.VariantType.Double,
    "float": ua.VariantType.Float,
    "int16": ua.VariantType.Int16,
    "int32": ua.VariantType.Int32,
    "int64": ua.VariantType.Int64,
    "uint16": ua.VariantType.UInt16,
    "uint32": ua.VariantType.UInt32,
    "uint64": ua.VariantType.UInt64,
    "boolean": ua.VariantType.Boolean,
}


class _Guarded(AttributeService):
    """Writes from outside pass by the device, which may refuse a value, or accept it and do nothing."""

    def __init__(
        self,
        space: AddressSpace,
        answer: Callable[[ua.NodeId, object], ua.StatusCode | None],
        written: Callable[[ua.NodeId, float], None],
    ) -> None:
        super().__init__(space)
        self._answer = answer
        self._written = written

    async def write(self, params: ua.WriteParameters, user: User = User(role=UserRole.Admin)) -> list[ua.StatusCode]:  # noqa: B008
        if user.role is UserRole.Admin:
            return await super().write(params, user)
        statuses = []
        for item in params.NodesToWrite:
            value: Any = item.Value.Value.Value if item.Value.Value is not None else None
            answer = self._answer(item.NodeId, value) if item.AttributeId == AttributeIds.Value else None
            if answer is not None:
                statuses.append(answer)
                continue
            (status,) = await super().write(ua.WriteParameters(NodesToWrite=[item]), user)
            statuses.append(status)
            if status.is_good():
                self._written(item.NodeId, float(value))
        return statuses


@dataclass(frozen=True, slots=True)
class Login:
    """The one user that a server lets in."""

    username: str
    password: str = field(repr=False)


class _Doorkeeper(UserManager):
    """Lets the user of the site file in, and everybody where it names none."""

    def __init__(self, login: Login | None) -> None:
        self._login = login

    def get_user(
        self, iserver: InternalServer, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        is_known = self._login is None or self._login == Login(username or "", password or "")
        return User(role=UserRole.User, name=username) if is_known else None


class OpcuaServer:
    """Serves the devices of one OPC UA connection."""

    def __init__(
        self,
        points: Mapping[str, Sequence[Point]],
        endpoint: str,
        port: int,
        served: Served,
        watchdog: Watchdog,
        present: Present,
        shown_port: int | None = None,
        login: Login | None = None,
    ) -> None:
        """`points` by device; `port` replaces the endpoint's, 0 takes a free one.

        `shown_port` is the one in the endpoints that the server names, where clients reach it by another than its own.
        Without `login` everybody is let in.
        """
        self._points = points
        self._endpoint = urlsplit(endpoint)
        self._port = port
        self._served = served
        self._watchdog = watchdog
        self._present = present
        self._shown_port = shown_port
        self._login = login
        self._nodes: dict[ua.NodeId, Point] = {}
        self._shown: dict[ua.NodeId, tuple[object, str]] = {}
        """Value and status of each node, as they were written last."""
        self._faults: dict[str, str | None] = {}
        """By device, the status that a fault gave its values then."""
        self._slow_due_s = 0.0
        self._server: Server | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(self._points)

    @property
    def address(self) -> dict[str, Any]:
        here: dict[str, Any] = {"endpoint": self._url, "security": "none"}
        return here if self._login is not None else {**here, "username": None, "password_env": None}

    @property
    def _url(self) -> str:
        port = self._port if self._shown_port is None else self._shown_port
        return self._endpoint._replace(netloc=f"{self._endpoint.hostname}:{port}").geturl()

    @property
    def port(self) -> int:
        return self._port

    async def start(self) -> None:
        inner = SmallInternalServer(_Doorkeeper(self._login))
        token = ua.AnonymousIdentityToken if self._login is None else ua.UserNameIdentityToken
        inner.supported_tokens = (token,)  # type: ignore[assignment]
        inner.attribute_service = _Guarded(inner.aspace, self._answer, self._written)
        server = Server(inner)
        await server.init()
        await server.set_application_uri(APPLICATION)
        server.set_server_name("parkgrid simulated park")
        server.set_security_policy(_POLICIES)
        certificate, key = await asyncio.to_thread(made_certificate, APPLICATION, self._endpoint.hostname or _LOOPBACK)
        await server.load_certificate(certificate)
        await server.load_private_key(key)
        server.set_endpoint(self._url)
        server.socket_address = (self._endpoint.hostname or _LOOPBACK, self._port)
        await self._build(server)
        await server.start()
        assert server.bserver is not None
        self._server = server
        self._port = server.bserver.port
        await self.refresh()

    async def _build(self, server: Server) -> None:
        self._nodes.clear()
        self._shown.clear()
        self._slow_due_s = 0.0
        folders: dict[tuple[int, str], Any] = {}
        tree = Tree(server)
        for device, points in self._points.items():
            values = self._served.values(device)
            for point in points:
                source = point.source
                assert isinstance(source, OpcuaPoint)
                if source.node is None:
                    assert source.path is not None  # a point has the one or the other
                    node = await tree.add_variable(source.path, self._variant(point, values))
                    if point.setpoint is not None:
                        await node.set_writable()
                    self._nodes[node.nodeid] = point
                    continue
                node_id = await _node_id(server, source.node)
                key = (node_id.NamespaceIndex, device)
                if key not in folders:
                    folder_id = ua.NodeId(ua.String(device), node_id.NamespaceIndex)
                    folders[key] = await server.nodes.objects.add_object(
                        folder_id, ua.QualifiedName(device, node_id.NamespaceIndex)
                    )
                name = ua.QualifiedName(str(node_id.Identifier).rpartition(".")[2], node_id.NamespaceIndex)
                variant = self._variant(point, values)
                node = await folders[key].add_variable(node_id, name, variant.Value, variant.VariantType)
                if point.setpoint is not None:
                    await node.set_writable()
                self._nodes[node_id] = point

    def hurry(self) -> None:
        """Show everything with the next refresh, slow values too."""
        self._slow_due_s = 0.0

    async def refresh(self) -> None:
        if self._server is None:
            return
        now = ua.DateTime.fromtimestamp(self._served.now.timestamp(), UTC)
        slow_is_due = (now_s := time.monotonic()) >= self._slow_due_s
        if slow_is_due:
            self._slow_due_s = now_s + SLOW_S
        values = {device: self._served.values(device) for device in self._points}
        faults = {device: self._present.status(device) for device in self._points}
        due = {device for device, fault in faults.items() if slow_is_due or fault != self._faults.get(device)}
        self._faults = faults
        for node_id, point in self._nodes.items():
            before, fault = self._shown.get(node_id), faults[point.device]
            if point.read == "slow" and point.device not in due and before is not None:
                continue
            variant = self._variant(point, values[point.device])
            # a whole number or a boolean cannot be NaN: then there is none, and the status says so
            status = fault or ("Good" if variant.Value is not None else "BadNoData")
            if before == (variant.Value, status) and point.device not in due:
                continue
            self._shown[node_id] = variant.Value, status
            shown = ua.DataValue(variant, StatusCode=_status(status), SourceTimestamp=now)
            await self._server.iserver.aspace.write_attribute_value(node_id, AttributeIds.Value, shown)

    async def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        # asyncua waits up to a second for its clock task to notice
        clock, server.iserver.time_task = server.iserver.time_task, None
        if clock is not None:
            clock.cancel()
        await server.stop()

    def _variant(self, point: Point, values: Mapping[str, float]) -> ua.Variant:
        assert isinstance(point.source, OpcuaPoint)
        held = self._watchdog.held(point.device, point.name)
        raw = raw_of(point, values[point.name] if held is None else held)
        kind = point.source.type
        if math.isnan(raw) and kind not in ("double", "float"):
            return ua.Variant(None, ua.VariantType.Null)
        value: float | bool
        if kind == "boolean":
            value = raw >= 0.5
        else:
            value = raw if kind in ("double", "float") else round(raw)
        return ua.Variant(value, _VARIANTS[kind])

    def _answer(self, node_id: ua.NodeId, value: object) -> ua.StatusCode | None:
        """What a write is answered without being done, None for one that is."""
        point = self._nodes.get(node_id)
        if point is None or point.setpoint is None:
            return None
        if (refused := self._present.write_status(point.device)) is not None:
            return _status(refused)
        if not isinstance(value, int | float) or not in_range(point, value_of(point, value)):
            return OUT_OF_RANGE
        return GOOD if self._present.ignores(point.device) else None

    def _written(self, node_id: ua.NodeId, raw: float) -> None:
        point = self._nodes[node_id]
        assert point.setpoint is not None
        self._shown.pop(node_id, None)  # the node has the client's value now, whatever we wrote
        self._watchdog.write(point.device, point.name, value_of(point, raw), point.setpoint.revert_s)


async def _node_id(server: Server, text: str) -> ua.NodeId:
    """The node of a profile's address; a namespace that is not there yet is registered."""
    space, _, identifier = text.partition(";")
    kind, _, name = space.partition("=")
    if kind == "nsu":
        index = await namespace_of(server, name)
        return ua.NodeId.from_string(f"ns={index};{identifier}")
    return ua.NodeId.from_string(f"ns={await namespace_of(server, int(name))};{identifier}")
