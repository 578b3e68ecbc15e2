"""Where the points of a profile are at a server: by NodeId, or by the path that one browses to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from config.browse_path import elements_of
from drivers.driver import DriverError
from drivers.opcua_calls import OpcuaCalls

_ROOT: Final = ua.NodeId(ua.Int32(ObjectIds.RootFolder))
_HIERARCHY: Final = ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences))

_WHOLE_PATH: Final = 0xFFFFFFFF
"""What a server says of a target that the path leads to at this server, and not onwards to another."""


class OpcuaAddresses:
    """What the addresses of points mean in one session; each is looked up once."""

    def __init__(self, calls: OpcuaCalls) -> None:
        self._calls = calls
        self._nodes: dict[str, ua.NodeId | str] = {}

    async def nodes(self, addresses: Sequence[str]) -> list[ua.NodeId | str]:
        """The node of each address, in order; words instead where there is none.

        Raises OSError and UaError when the server cannot be asked, DriverError for a text that means no node.
        """
        new = [address for address in dict.fromkeys(addresses) if address not in self._nodes]
        self._nodes.update(
            {address: node_id(address, self._calls.namespaces) for address in new if not address.startswith("/")}
        )
        await self._find([address for address in new if address.startswith("/")])
        return [self._nodes[address] for address in addresses]

    async def _find(self, paths: Iterable[str]) -> None:
        asked: dict[str, ua.BrowsePath] = {}
        for path in paths:
            browsed = browse_path(path, self._calls.namespaces)
            if isinstance(browsed, str):
                self._nodes[path] = browsed
            else:
                asked[path] = browsed
        if not asked:
            return
        try:
            found = await self._calls.find(list(asked.values()))
        except UaStatusCodeError as error:
            words = f"the server finds no paths ({type(error).__name__})"
            self._nodes.update(dict.fromkeys(asked, words))
            return
        self._nodes.update({path: _target(path, result) for path, result in zip(asked, found, strict=True)})


def check_address(address: str) -> None:
    """Raises DriverError for an address that can mean no node at any server."""
    if address.startswith("/"):
        browse_path(address, ())
    else:
        node_id(address, ())


def node_id(node: str, namespaces: Sequence[str]) -> ua.NodeId | str:
    """The node that a text such as ``nsu=urn:plant;s=Pump.Power`` or ``ns=2;i=7`` means, by a server's namespaces.

    Words instead when the server has no such namespace. Raises DriverError for a text that means no node.
    """
    try:
        if not node.startswith("nsu="):
            return ua.NodeId.from_string(node)
        uri, _, identifier = node.removeprefix("nsu=").partition(";")
        index = namespaces.index(uri) if uri in namespaces else 0
        found = ua.NodeId.from_string(f"ns={index};{identifier}")
    except (UaError, ValueError) as error:
        raise DriverError(f"{node!r} is not an OPC UA node: {error}") from error
    return found if uri in namespaces else f"the server has no namespace {uri}"


def browse_path(path: str, namespaces: Sequence[str]) -> ua.BrowsePath | str:
    """A path in the server's own terms; words when it has no such namespace. Raises DriverError for no path."""
    try:
        elements = elements_of(path)
    except ValueError as error:
        raise DriverError(str(error)) from error
    steps = []
    for element in elements:
        if isinstance(element.namespace, str) and element.namespace not in namespaces:
            return f"the server has no namespace {element.namespace}"
        index = element.namespace if isinstance(element.namespace, int) else namespaces.index(element.namespace)
        steps.append(
            ua.RelativePathElement(
                ReferenceTypeId=_HIERARCHY,
                IsInverse=False,  # type: ignore[arg-type]
                IncludeSubtypes=True,  # type: ignore[arg-type]
                TargetName=ua.QualifiedName(element.name, index),
            )
        )
    return ua.BrowsePath(StartingNode=_ROOT, RelativePath=ua.RelativePath(Elements=steps))


def _target(path: str, result: ua.BrowsePathResult) -> ua.NodeId | str:
    """The one node at the end of a path, or why there is none."""
    if not result.StatusCode.is_good():
        return f"the server has nothing at {path} ({result.StatusCode.name})"
    targets = {
        ua.NodeId(of.TargetId.Identifier, of.TargetId.NamespaceIndex, of.TargetId.NodeIdType)
        for of in result.Targets or ()
        if of.RemainingPathIndex == _WHOLE_PATH and not isinstance(of.TargetId, ua.ExpandedNodeId)
    }
    if len(targets) != 1:
        return f"the server has {len(targets) or 'no'} nodes at {path}, and one is meant"
    return targets.pop()
