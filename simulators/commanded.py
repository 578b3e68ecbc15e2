"""A model whose device takes commands."""

from __future__ import annotations


class Commanded:
    """Follows a setpoint, and what its own control wants when nobody commands it."""

    more_commands: tuple[str, ...] = ()
    """Points beside the setpoint that the device takes."""

    def __init__(self) -> None:
        self.setpoint_kw: float | None = None
        """What is commanded; None without a command."""
        self.running = True
        """False for a device that is dead: it gives nothing and forgets its setpoint."""

    def accept(self, value_kw: float) -> float:
        """The setpoint that the device takes from a command."""
        raise NotImplementedError

    def take(self, point: str, value: float | None) -> None:
        """Take one of `more_commands`; None gives it back."""
        raise KeyError(point)
