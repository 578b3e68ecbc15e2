"""Services of an OPC UA session that take many nodes, in as many calls as the server's limits ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from asyncua import ua
from asyncua.client.ua_session import UaSession
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import (
    BadEncodingLimitsExceeded,
    BadRequestTooLarge,
    BadResponseTooLarge,
    BadTooManyOperations,
    UaError,
)

_MOST_PER_CALL: Final = 1000
"""Where a server names no limit. A call stays below 100 kB then, which every stack takes, and a slow one answers
within the time-out."""

_NAMESPACES: Final = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
_LIMITS: Final = {
    "read": ua.NodeId(ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead)),
    "monitor": ua.NodeId(ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall)),
    "find": ua.NodeId(
        ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds)
    ),
}
"""By service, where a server says how many nodes it takes in a call."""

_TOO_MANY: Final = (BadTooManyOperations, BadRequestTooLarge, BadResponseTooLarge, BadEncodingLimitsExceeded)

OneT = TypeVar("OneT")
AnswerT = TypeVar("AnswerT")


class OpcuaCalls:
    """The calls of one session. They raise OSError (which a time-out is) and UaError."""

    def __init__(self, session: UaSession) -> None:
        self._session = session
        self._most = dict.fromkeys(_LIMITS, _MOST_PER_CALL)
        self.namespaces: tuple[str, ...] = ()
        """The server's namespaces in the order of their indices."""

    async def begin(self) -> None:
        """Ask for the server's namespaces and limits, before anything else."""
        asked = [_NAMESPACES, *_LIMITS.values()]
        namespaces, *limits = await self._session.read_attributes(asked, AttributeIds.Value)
        listed = namespaces.Value.Value if namespaces.Value is not None else None
        if not isinstance(listed, list):
            raise UaError("the server names no namespaces")
        self.namespaces = tuple(str(uri) for uri in listed)
        for service, limit in zip(_LIMITS, limits, strict=True):
            most = limit.Value.Value if limit.Value is not None else None
            if isinstance(most, int) and most > 0:  # 0 is the standard's "no limit", none a server that says nothing
                self._most[service] = min(most, _MOST_PER_CALL)

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The values of all nodes in their order, each with its status."""

        async def call(some: Sequence[ua.NodeId]) -> list[ua.DataValue]:
            values: list[ua.DataValue] = await self._session.read_attributes(list(some), AttributeIds.Value)
            return values

        return await self._each("read", nodes, call)

    async def find(self, paths: Sequence[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """What stands at each of the browse paths."""

        async def call(some: Sequence[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
            found: list[ua.BrowsePathResult] = await self._session.translate_browsepaths_to_nodeids(list(some))
            return found

        return await self._each("find", paths, call)

    async def monitor(
        self, subscription: int, items: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.MonitoredItemCreateResult]:
        """Add items to a subscription, each with its verdict."""

        async def call(some: Sequence[ua.MonitoredItemCreateRequest]) -> list[ua.MonitoredItemCreateResult]:
            asked = ua.CreateMonitoredItemsParameters(
                SubscriptionId=subscription, TimestampsToReturn=ua.TimestampsToReturn.Both, ItemsToCreate=list(some)
            )
            verdicts: list[ua.MonitoredItemCreateResult] = await self._session.create_monitored_items(asked)
            return verdicts

        return await self._each("monitor", items, call)

    async def write(self, node: ua.NodeId, value: ua.DataValue) -> ua.StatusCode:
        """The server's verdict on one write."""
        (status,) = await self._session.write_attributes([node], [value])
        return status

    async def _each(
        self, service: str, asked: Sequence[OneT], call: Callable[[Sequence[OneT]], Awaitable[list[AnswerT]]]
    ) -> list[AnswerT]:
        """One answer for each of what is asked, in as few calls as the server takes."""
        answers: list[AnswerT] = []
        while len(answers) < len(asked):
            most = self._most[service]
            some = asked[len(answers) : len(answers) + most]
            try:
                got = await call(some)
            except _TOO_MANY:
                if len(some) == 1:
                    raise
                # a server that keeps its limit to itself
                self._most[service] = max(1, len(some) // 2)
                continue
            if len(got) != len(some):
                raise UaError(f"answered {len(got)} values instead of {len(some)}")
            answers += got
        return answers
