"""What an OPC UA server offers: its endpoints with their security, and its nodes as a tree."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

# what goes wrong is said once, by the command
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

ERRORS: Final = (OSError, UaError, ValueError)
"""What the library raises when a server is not there, refuses, or is none."""

MOST_NODES: Final = 1000
"""More than a person reads; a plant server may have a hundred thousand."""

AT_ONCE: Final = 100
"""Values asked for in one request: small servers refuse larger ones."""

SHOWN_TEXT: Final = 60
"""Characters of a value in the tree."""

_NO_WATCHDOG_S: Final = 365 * 24 * 3600.0
"""The library would ask for a sign of life in a task of its own."""

_SERVER_OBJECT: Final = ua.NodeId.from_string("i=2253")
"""The server's account of itself: hundreds of nodes that no plant is behind."""

_OPEN: Final = "None"
_WRITABLE: Final = 2  # CurrentWrite in the access level's bits


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way into a server."""

    url: str
    policy: str
    """``None``, ``Basic256Sha256`` and so on."""
    mode: str
    """``None_``, ``Sign`` or ``SignAndEncrypt``."""
    logins: tuple[str, ...]
    """``Anonymous``, ``UserName``, ``Certificate``."""


@dataclass(slots=True)
class NodeFound:
    """One object or variable, and what is below it."""

    name: str
    index: int
    """Of its namespace."""
    node_id: ua.NodeId
    is_variable: bool
    type: str = ""
    value: Any = None
    status: str = ""
    """The name of its status where that is not Good."""
    writable: bool = False
    children: list[NodeFound] = field(default_factory=list)

    def all(self) -> Iterator[NodeFound]:
        """This node and everything below it."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFound:
    """What a server showed."""

    endpoints: tuple[Endpoint, ...]
    namespaces: tuple[str, ...] = ()
    nodes: tuple[NodeFound, ...] = ()
    cut: bool = False
    """Whether there are more nodes than are shown."""
    reason: str = ""
    """Why the nodes could not be looked at."""

    def as_data(self) -> dict[str, Any]:
        return {
            "endpoints": [
                {"url": of.url, "policy": of.policy, "mode": of.mode, "logins": list(of.logins)}
                for of in self.endpoints
            ],
            "namespaces": list(self.namespaces),
            "nodes": [self._node_data(node) for node in self.nodes],
            "cut": self.cut,
            "reason": self.reason,
        }

    def _node_data(self, node: NodeFound) -> dict[str, Any]:
        data: dict[str, Any] = {"name": node.name, "node": self.portable(node.node_id)}
        if node.is_variable:
            data |= {"type": node.type, "value": _plain(node.value), "writable": node.writable, "status": node.status}
        if node.children:
            data["children"] = [self._node_data(child) for child in node.children]
        return data

    def portable(self, node_id: ua.NodeId) -> str:
        """As a profile writes it: with the namespace's URI, whose index may change."""
        text: str = node_id.to_string()
        index = node_id.NamespaceIndex
        if index == 0 or index >= len(self.namespaces):
            return text
        return f"nsu={self.namespaces[index]};{text.partition(';')[2]}"


async def probe_server(
    url: str, *, depth: int, timeout_s: float, username: str | None, password: str | None
) -> ServerFound:
    """The endpoints of a server, and its nodes down to `depth` below Objects where its open endpoint lets us in.

    Nothing is written, and no password is sent that others could read. Raises ERRORS when the server does not answer.
    """
    client = _client(url, timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            described = await client.connect_and_get_server_endpoints()
    finally:
        client.disconnect_socket()
    endpoints = tuple(_endpoint(of) for of in described)
    reason = _closed(described, username)
    if reason:
        return ServerFound(endpoints=endpoints, reason=reason)
    client = _client(url, timeout_s)
    if username is not None:
        client.set_user(username)
        client.set_password(password or "")
    try:
        async with asyncio.timeout(timeout_s):
            await client.connect()
        namespaces = tuple(await client.get_namespace_array())
        nodes, cut = await _tree(client, depth)
    except ERRORS as error:
        return ServerFound(endpoints=endpoints, reason=words(error))
    finally:
        with contextlib.suppress(*ERRORS):
            async with asyncio.timeout(timeout_s):
                await client.disconnect()
        client.disconnect_socket()
    return ServerFound(endpoints=endpoints, namespaces=namespaces, nodes=nodes, cut=cut)


def _client(url: str, timeout_s: float) -> Client:
    client = Client(url, timeout=timeout_s, watchdog_intervall=_NO_WATCHDOG_S)
    client.name = client.description = "parkgrid probe"
    return client


def words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__


def _endpoint(described: ua.EndpointDescription) -> Endpoint:
    logins = dict.fromkeys(token.TokenType.name for token in described.UserIdentityTokens or ())
    mode = described.SecurityMode.name.rstrip("_")
    return Endpoint(described.EndpointUrl or "", _policy(described.SecurityPolicyUri), mode, tuple(logins))


def _policy(uri: str | None) -> str:
    return str(uri or "").rpartition("#")[2] or _OPEN


def _closed(described: Sequence[ua.EndpointDescription], username: str | None) -> str:
    """Why we do not go in; empty when we do."""
    tokens = [
        token for of in described if _policy(of.SecurityPolicyUri) == _OPEN for token in of.UserIdentityTokens or ()
    ]
    if not any(_policy(of.SecurityPolicyUri) == _OPEN for of in described):
        return "the server has no endpoint without security, so its nodes are not looked at"
    wanted = ua.UserTokenType.Anonymous if username is None else ua.UserTokenType.UserName
    fitting = [token for token in tokens if token.TokenType == wanted]
    if not fitting:
        return "the server wants a user and a password" if username is None else "the server takes no user names here"
    if username is not None and _policy(fitting[0].SecurityPolicyUri) == _OPEN:
        return "the server takes the password only in the clear, so it was not sent"
    return ""


# -- the tree ------------------------------------------------------------------------------------


async def _tree(client: Client, depth: int) -> tuple[tuple[NodeFound, ...], bool]:
    """The nodes below Objects, level by level, and whether there are more."""
    top = NodeFound("Objects", 0, ua.NodeId.from_string("i=85"), is_variable=False)
    seen = {top.node_id, _SERVER_OBJECT}
    level = [top]
    count = 0
    cut = False
    for _ in range(depth):
        below: list[NodeFound] = []
        for parent in level:
            if count >= MOST_NODES:
                cut = True
                break
            for child in await _children(client, parent):
                if child.node_id in seen:
                    continue
                if count >= MOST_NODES:
                    cut = True
                    break
                seen.add(child.node_id)
                parent.children.append(child)
                below.append(child)
                count += 1
        level = [node for node in below if not node.is_variable]
    await _read(client, [node for node in top.all() if node.is_variable])
    return tuple(top.children), cut


async def _children(client: Client, parent: NodeFound) -> list[NodeFound]:
    described = await client.get_node(parent.node_id).get_children_descriptions()
    return [
        NodeFound(
            name=of.BrowseName.Name or "",
            index=of.BrowseName.NamespaceIndex,
            node_id=ua.NodeId(of.NodeId.Identifier, of.NodeId.NamespaceIndex, of.NodeId.NodeIdType),
            is_variable=of.NodeClass == ua.NodeClass.Variable,
        )
        for of in described
        if of.NodeClass in (ua.NodeClass.Object, ua.NodeClass.Variable)
    ]


async def _read(client: Client, variables: Sequence[NodeFound]) -> None:
    for start in range(0, len(variables), AT_ONCE):
        some = variables[start : start + AT_ONCE]
        ids = [node.node_id for node in some]
        values = await client.uaclient.read_attributes(ids, AttributeIds.Value)
        access = await client.uaclient.read_attributes(ids, AttributeIds.UserAccessLevel)
        for node, value, allowed in zip(some, values, access, strict=True):
            if value.StatusCode is not None and not value.StatusCode.is_good():
                node.status = value.StatusCode.name
            if value.Value is not None:
                node.value = value.Value.Value
                node.type = value.Value.VariantType.name + ("[]" if value.Value.is_array else "")
            bits = allowed.Value.Value if allowed.Value is not None else None
            node.writable = isinstance(bits, int) and bool(bits & _WRITABLE)


def _plain(value: Any) -> Any:
    """A value that JSON can carry."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case list() | tuple():
            return [_plain(item) for item in value[:AT_ONCE]]
        case bytes():
            return value.hex()
        case _:
            return str(value)


# -- what a person sees --------------------------------------------------------------------------


def server_tables(found: ServerFound) -> list[RenderableType]:
    """The endpoints, the namespaces and the tree of nodes."""
    table = Table("endpoint", "security policy", "mode", "logins")
    for of in found.endpoints:
        table.add_row(*(Text(text) for text in (of.url, of.policy, of.mode, ", ".join(of.logins))))
    shown: list[RenderableType] = [table]
    if found.reason:
        return [*shown, Text(found.reason)]
    shown += [Text(f"ns={index}  {uri}") for index, uri in enumerate(found.namespaces)]
    tree = Tree("Objects")
    for node in found.nodes:
        _grow(tree, node)
    shown.append(tree)
    if found.cut:
        shown.append(Text(f"there are more nodes than the {MOST_NODES} shown"))
    return shown


def _grow(tree: Tree, node: NodeFound) -> None:
    branch = tree.add(Text("".join(sign if sign.isprintable() else " " for sign in _line(node))))
    for child in node.children:
        _grow(branch, child)


def _line(node: NodeFound) -> str:
    line = f"{node.name}  {node.node_id.to_string()}"
    if not node.is_variable:
        return line
    value = str(_plain(node.value))
    if len(value) > SHOWN_TEXT:
        value = value[: SHOWN_TEXT - 3] + "..."
    marks = [mark for mark in ("writable" if node.writable else "", node.status) if mark]
    return f"{line}  {node.type} {value}{'  (' + ', '.join(marks) + ')' if marks else ''}"
