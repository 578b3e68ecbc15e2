"""A connection that several devices share, and what every driver behind one does alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from config.clock import Clock
from config.point import Point
from drivers.driver import LinkDown, Reading, Rejected, Setpoint, WriteResult
from drivers.quality import read_back_points
from drivers.scaling import Refused


class SharedConnection(ABC):
    """Opened by the first device that needs it, closed when the last one leaves."""

    def __init__(self) -> None:
        self._users: set[object] = set()

    def join(self, user: object) -> None:
        self._users.add(user)

    async def leave(self, user: object) -> None:
        """One user less. Leaving twice, or without having joined, changes nothing."""
        if user in self._users:
            self._users.discard(user)
            if not self._users:
                await self.shut()

    @abstractmethod
    async def open(self) -> None:
        """Connect, at once done when connected. Raises LinkDown, TurnedAway where somebody is there and refuses."""

    @abstractmethod
    async def shut(self) -> None:
        """Give back the socket and every task."""


ConnectionT = TypeVar("ConnectionT", bound=SharedConnection)


class SharedDriver(ABC, Generic[ConnectionT]):
    """One device behind a shared connection: a Driver once a protocol has said how it reads and writes.

    A device that does not answer counts as not connected from then on, whatever its connection does for others.
    """

    def __init__(self, connection: ConnectionT, points: Sequence[Point], clock: Clock) -> None:
        """`points` are all points of the device.

        Raises DriverError for a setpoint whose read-back point the device has not.
        """
        self._connection = connection
        self._clock = clock
        self._shown_by = read_back_points(points)
        self._connected = False

    async def connect(self) -> None:
        self._connection.join(self)
        await self._connection.open()
        await self._begin()
        self._connected = True

    async def close(self) -> None:
        self._connected = False
        await self._connection.leave(self)

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        self._require_connection()
        try:
            return await self._read(points)
        except LinkDown:
            self._connected = False
            raise

    async def write(self, setpoints: Sequence[Setpoint]) -> list[WriteResult]:
        self._require_connection()
        try:
            return [await self._write(setpoint) for setpoint in setpoints]
        except LinkDown:
            self._connected = False
            raise

    async def preview(self, setpoint: Setpoint) -> list[str] | Rejected:
        """What a write would put on the wire, in words and in its order; nothing is written. Raises LinkDown."""
        self._require_connection()
        try:
            return await self._preview(setpoint)
        except Refused as refused:
            return Rejected(f"{setpoint.point.key}: {refused}")
        except LinkDown:
            self._connected = False
            raise

    async def release(self, point: Point) -> WriteResult:
        """Hand what a setpoint controls back to the device, as its profile says. Raises LinkDown."""
        self._require_connection()
        try:
            return await self._release(point)
        except LinkDown:
            self._connected = False
            raise

    async def identity(self) -> dict[str, str]:
        """What the device says of itself, such as its manufacturer, by name. Raises LinkDown."""
        self._require_connection()
        try:
            return await self._identify()
        except LinkDown:
            self._connected = False
            raise

    async def beat(self) -> list[Rejected]:
        self._require_connection()
        try:
            return await self._beat()
        except LinkDown:
            self._connected = False
            raise

    def _require_connection(self) -> None:
        if not self._connected:
            raise LinkDown(f"{self}: not connected")

    async def _begin(self) -> None:
        """What a device needs once its connection is open. Raises LinkDown."""

    async def _release(self, point: Point) -> WriteResult:
        """As `release`, for protocols whose profiles can say how."""
        return Rejected(f"{point.key}: its profile says nothing of how to release it")

    async def _identify(self) -> dict[str, str]:
        """As `identity`; a protocol without texts has nothing to say."""
        return {}

    @abstractmethod
    async def _read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading per point, same order. Raises LinkDown."""

    @abstractmethod
    async def _preview(self, setpoint: Setpoint) -> list[str]:
        """As `preview`. Raises LinkDown, Refused."""

    @abstractmethod
    async def _write(self, setpoint: Setpoint) -> WriteResult:
        """Write once and read back. Raises LinkDown."""

    async def _beat(self) -> list[Rejected]:
        """Write the heartbeats that are due, once the device has taken a setpoint. Raises LinkDown.

        Returns those that it did not take the last time. A protocol without heartbeats has nothing to do.
        """
        return []

    def __str__(self) -> str:
        return str(self._connection)
