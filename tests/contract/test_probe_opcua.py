"""`parkgrid probe opcua://` on servers that are open, closed, endless or odd."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography.x509.oid import ExtendedKeyUsageOID

from parkgrid import probe_opcua
from parkgrid.probe_opcua import ERRORS, NodeFound, ServerFound, probe_server, server_tables
from simulators.servers.namespace_zero import SmallInternalServer

URI = "urn:plant"
SIGNED = ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt
OPEN = ua.SecurityPolicyType.NoSecurity


class OneUser(UserManager):
    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        return User(role=UserRole.User) if (username, password) == ("ems", "secret") else None


@contextlib.asynccontextmanager
async def a_server(
    port: int,
    folder: Path,
    *policies: ua.SecurityPolicyType,
    users: UserManager | None = None,
    logins: tuple[type, ...] = (ua.AnonymousIdentityToken,),
) -> AsyncIterator[Server]:
    server = Server(SmallInternalServer(user_manager=users))
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    server.set_security_policy(list(policies))
    server.set_identity_tokens(list(logins))
    if SIGNED in policies:
        key, certificate = folder / "key.pem", folder / "certificate.der"
        await setup_self_signed_certificate(
            key, certificate, "urn:plant:server", "localhost", [ExtendedKeyUsageOID.SERVER_AUTH], {}
        )
        await server.load_certificate(str(certificate))
        await server.load_private_key(str(key))
    await server.register_namespace(URI)
    async with server:
        yield server


async def probed(port: int, depth: int = 4, username: str | None = None, password: str | None = None) -> ServerFound:
    async with asyncio.timeout(20):
        return await probe_server(
            f"opc.tcp://127.0.0.1:{port}/plant", depth=depth, timeout_s=3.0, username=username, password=password
        )


def by_name(found: ServerFound) -> dict[str, NodeFound]:
    return {node.name: node for top in found.nodes for node in top.all()}


async def test_objects_variables_and_what_they_say(free_port: int, tmp_path: Path) -> None:
    async with a_server(free_port, tmp_path, OPEN) as server:
        index = await server.get_namespace_index(URI)
        turbine = await server.nodes.objects.add_object(ua.NodeId("T1", index), f"{index}:T1")
        power = await turbine.add_variable(ua.NodeId("T1.Power", index), f"{index}:Power", 12.5)
        limit = await turbine.add_variable(ua.NodeId("T1.Limit", index), f"{index}:Limit", 7, ua.VariantType.Int32)
        await limit.set_writable()
        broken = await turbine.add_variable(ua.NodeId("T1.Wind", index), f"{index}:Wind", 1.0)
        await broken.write_value(ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure)))
        # a tree that bites its own tail, which the library does not let one make
        loop = await server.nodes.objects.add_folder(ua.NodeId("Loop", index), f"{index}:Loop")
        described = await server.nodes.root.get_children_descriptions()
        server.iserver.aspace[loop.nodeid].references += [of for of in described if of.BrowseName.Name == "Objects"]
        found = await probed(free_port)
        assert (await power.read_value(), await limit.read_value()) == (12.5, 7)
    assert [(of.policy, of.mode, of.logins) for of in found.endpoints] == [("None", "None", ("Anonymous",))]
    assert found.namespaces[index] == URI
    assert (found.cut, found.reason) == (False, "")
    nodes = by_name(found)
    assert set(nodes) == {"T1", "Power", "Limit", "Wind", "Loop"}
    (data, _) = found.as_data()["nodes"]
    assert (data["name"], data["node"]) == ("T1", f"nsu={URI};s=T1")
    assert {child["node"]: (child["type"], child["value"], child["writable"]) for child in data["children"]} == {
        f"nsu={URI};s=T1.Power": ("Double", 12.5, False),
        f"nsu={URI};s=T1.Limit": ("Int32", 7, True),
        f"nsu={URI};s=T1.Wind": (nodes["Wind"].type, None, False),
    }
    assert nodes["Wind"].status == "BadSensorFailure"
    assert len(server_tables(found)) >= 3


async def test_depth_and_number_of_nodes_have_an_end(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_server(free_port, tmp_path, OPEN) as server:
        node = server.nodes.objects
        for level in range(6):
            node = await node.add_object(ua.NodeId(f"o{level}", 2), f"2:o{level}")
        assert set(by_name(await probed(free_port, depth=2))) == {"o0", "o1"}
        monkeypatch.setattr(probe_opcua, "MOST_NODES", 3)
        found = await probed(free_port, depth=6)
    assert (len(by_name(found)), found.cut) == (3, True)


async def test_a_server_that_wants_security_shows_its_endpoints_only(free_port: int, tmp_path: Path) -> None:
    async with a_server(free_port, tmp_path, SIGNED):
        found = await probed(free_port)
    assert [(of.policy, of.mode) for of in found.endpoints] == [("Basic256Sha256", "SignAndEncrypt")]
    assert (found.reason, found.nodes) == (
        "the server has no endpoint without security, so its nodes are not looked at",
        (),
    )


async def test_a_password_does_not_go_over_an_open_line(free_port: int, tmp_path: Path) -> None:
    logins = (ua.UserNameIdentityToken,)
    async with a_server(free_port, tmp_path, OPEN, users=OneUser(), logins=logins):
        alone = await probed(free_port)
        found = await probed(free_port, username="ems", password="secret")
    assert alone.reason == "the server wants a user and a password"
    assert found.reason == "the server takes the password only in the clear, so it was not sent"


async def test_an_encrypted_password_opens_the_door(free_port: int, tmp_path: Path) -> None:
    logins = (ua.UserNameIdentityToken,)
    async with a_server(free_port, tmp_path, OPEN, SIGNED, users=OneUser(), logins=logins) as server:
        await server.nodes.objects.add_variable(ua.NodeId("V", 2), "2:V", 1.0)
        found = await probed(free_port, username="ems", password="secret")
        wrong = await probed(free_port, username="ems", password="sesame")
    assert len(found.endpoints) == 2
    assert by_name(found)["V"].value == 1.0
    assert (wrong.nodes, "BadUserAccessDenied" in wrong.reason or "User" in wrong.reason) == ((), True)


async def test_what_is_no_opc_ua_server_costs_one_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: Any) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(5):
        with pytest.raises(ERRORS):
            await probe_server(f"opc.tcp://127.0.0.1:{port}/", depth=1, timeout_s=0.3, username=None, password=None)
