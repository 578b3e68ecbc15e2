"""The objects of a simulated OPC UA server, made from the browse paths that its profiles name."""

from __future__ import annotations

from itertools import count
from typing import Any

from asyncua import ua
from asyncua.server.server import Server

from config.browse_path import PathElement, elements_of

APPLICATION = "urn:parkgrid:simulated-park:server"

_OBJECTS = (0, "Objects")
"""The folder of the standard that has a server's own objects; whoever browses begins above it."""

_FIRST_NUMBER = 500_000
"""Above all numbers that the standard uses in its own namespace."""


async def namespace_of(server: Server, namespace: str | int) -> int:
    """The index of a namespace; one that is not there yet is registered, up to the index that is asked for."""
    if isinstance(namespace, str):
        return int(await server.register_namespace(namespace))
    while len(known := await server.get_namespace_array()) <= namespace:
        await server.register_namespace(f"{APPLICATION}:{len(known)}")
    return namespace


class Tree:
    """Objects by their path from the root. The nodes' numbers say nothing: whoever wants them must browse."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._made: dict[tuple[tuple[int, str], ...], Any] = {(_OBJECTS,): server.nodes.objects}
        self._numbers = count(_FIRST_NUMBER)

    async def add_variable(self, path: str, variant: ua.Variant) -> Any:
        """A variable at the end of a browse path, below objects that are made where there are none.

        Raises ValueError for a path that does not lead through the folder of the objects.
        """
        names = [await self._name(element) for element in elements_of(path)]
        if names[0] != _OBJECTS or len(names) == 1:
            raise ValueError(f"{path!r}: the simulated park has only what lies below /Objects")
        parent = await self._object(tuple(names[:-1]))
        namespace, name = names[-1]
        node_id, qualified = self._new(namespace), ua.QualifiedName(name, namespace)
        return await parent.add_variable(node_id, qualified, variant.Value, variant.VariantType)

    def _new(self, namespace: int) -> ua.NodeId:
        return ua.NodeId(ua.Int32(next(self._numbers)), ua.Int16(namespace))

    async def _name(self, element: PathElement) -> tuple[int, str]:
        return await namespace_of(self._server, element.namespace), element.name

    async def _object(self, names: tuple[tuple[int, str], ...]) -> Any:
        if names not in self._made:
            parent = await self._object(names[:-1])
            namespace, name = names[-1]
            self._made[names] = await parent.add_object(self._new(namespace), ua.QualifiedName(name, namespace))
        return self._made[names]
