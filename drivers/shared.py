"""A connection that several devices share."""

from __future__ import annotations

from abc import ABC, abstractmethod


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
        """Connect, at once done when connected. Raises LinkDown."""

    @abstractmethod
    async def shut(self) -> None:
        """Give back the socket and every task."""
