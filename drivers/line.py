"""What the devices behind one connection share when it comes to trying again."""

from __future__ import annotations

from drivers.backoff import BackOff


class Line:
    """Whether the connection may be opened, and whether anybody behind it has been heard.

    Leaving a silent device alone is for its neighbours' sake: a try costs them a time-out. When none of them is
    heard either, nobody is disturbed, and it is most likely the line: then every try may be the one that finds
    it back.
    """

    def __init__(self) -> None:
        self.answers = 0
        """How often any device behind the connection has answered."""
        self.reason = ""
        """Why the connection could not be opened when it was tried last."""
        self._opening = BackOff()

    def due(self, now_s: float) -> bool:
        """Whether the connection may be opened now: one device in vain is enough for all of them."""
        return self._opening.due(now_s)

    def not_opened(self, now_s: float, chance: float, reason: str, *, turned_away: bool) -> None:
        """It could not be opened: since nobody is there, or since somebody is and `turned_away` whoever asks."""
        self.reason = reason
        self._opening = self._opening.failed(now_s, chance, counts=turned_away)

    def opened(self) -> None:
        self.reason = ""
        self._opening = self._opening.succeeded()

    def heard(self) -> None:
        """A device has answered."""
        self.answers += 1
