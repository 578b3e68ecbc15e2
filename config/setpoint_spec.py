"""How a point of a device may be written, by protocol, as a profile says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from config.base import Frozen
from config.figure import Figure
from config.register import Address, Carries, Condition, FurtherRegister, RegisterValue

OnStop = Literal["safe", "restore", "release"]


class SetpointSpec(Frozen):
    """How a point may be written. All figures are in the point's unit and sign."""

    range: tuple[Figure, Figure]
    resolution: Figure
    """The smallest step that the device tells apart."""
    tolerance: Figure
    """How far the read-back may be off before the write counts as not followed."""
    safe: Figure
    """What the device is left with when the controller stops or loses its eyes."""
    revert_s: PositiveFloat | None = None
    """After this time without a write the device falls back by itself."""
    refresh_s: PositiveFloat | None = None
    """How often an unchanged value is written again."""
    read_back: str | None = None
    """The point that shows the value in force; the setpoint's own point when not given."""
    change_s: PositiveFloat | None = None
    """The least time between two changes, for devices that are slow or wear out; the safe value never waits."""
    on_stop: OnStop = "safe"
    """What the device is left with when the controller stops: its safe value, what was found before the first write,
    or its own control."""
    installer_limit: bool = False
    """True for a limit that the installer has set: what is found before the first write is never exceeded."""

    @model_validator(mode="after")
    def _can_be_released(self) -> SetpointSpec:
        if self.on_stop == "release" and not getattr(self, "release", None):
            raise ValueError("on_stop: release needs release, which only Modbus and plain MQTT setpoints have")
        return self

    @model_validator(mode="after")
    def _refreshed_in_time(self) -> SetpointSpec:
        if self.revert_s is not None and (self.refresh_s is None or self.refresh_s > self.revert_s / 2):
            raise ValueError(f"refresh_s must be given and at most half of revert_s ({self.revert_s / 2:g})")
        return self


class ModbusSetpoint(SetpointSpec):
    """A setpoint with the registers that belong to it, written in the order before, value, also, direction, arm."""

    only_when: tuple[Condition, ...] = ()
    """Read before anything is written, such as the switch that leaves a device to whoever stands before it."""
    before: tuple[RegisterValue, ...] = ()
    """Written first, such as a duration that the command is to last."""
    carries: Carries = "value"
    """What of the value the point's own register has, for a device that keeps it in several (`also`)."""
    also: tuple[FurtherRegister, ...] = ()
    """Further registers that are written with something of the same value."""
    arm: tuple[RegisterValue, ...] = ()
    """Written last, such as the bit that lets the value count."""
    together: tuple[tuple[Address, Address], ...] = ()
    """First and last register of blocks that the device wants in one request, each in the place of its first part."""
    function: Literal[6, 16] = 6
    """What a single register is written with; several are always written with 16."""
    release: tuple[RegisterValue, ...] = ()
    """Written in this order to hand the device back to its own control."""

    @property
    def shares(self) -> int:
        """Among how many registers the value is shared out."""
        return [self.carries, *(further.carries for further in self.also)].count("share")


Topic = Annotated[str, Field(pattern=r"^[^+#]+$")]
"""One topic and no wildcard."""


class Sign(Frozen):
    """By what an answer is known: words that stand at a path, or that something stands there at all."""

    path: str | None = None
    """Dotted path into a JSON answer; the whole answer when not given."""
    words: tuple[str, ...] = ()
    """One of these stands there; when none are given, anything but null."""

    @model_validator(mode="after")
    def _says_something(self) -> Sign:
        if self.path is None and not self.words:
            raise ValueError("needs words or a path, or every answer would count")
        return self


class Acknowledgement(Frozen):
    """How a device answers a command, each in turn; an answer that is neither a yes nor a no says nothing."""

    topic: Topic
    accepted: Sign
    rejected: Sign
    reason_path: str | None = None
    """Where a no says why."""
    id_path: str | None = None
    """Where the answer repeats the ``{id}`` of its command; without one, answers count in the order of commands."""
    enough: bool = False
    """True where the device shows nowhere what is in force: its yes is then all there is."""


class MqttSetpoint(SetpointSpec):
    """A setpoint that is published as a command; it is read back from a status topic."""

    command_topic: Topic
    payload: str = "{value}"
    """What is published; ``{value}`` stands for the number or its text, ``{id}`` for a number of this command alone."""
    retain: bool = False
    """True lets the broker keep the command for a device that comes later."""
    release: str | None = None
    """Payload of the command that hands the device back to its own control."""
    acknowledge: Acknowledgement | None = None

    @model_validator(mode="after")
    def _says_what_is_wanted(self) -> MqttSetpoint:
        if "{value}" not in self.payload:
            raise ValueError("payload needs a {value}, or every command would say the same")
        if self.acknowledge is not None and self.acknowledge.id_path is not None and "{id}" not in self.payload:
            raise ValueError("acknowledge has an id_path, so the payload needs an {id} that is repeated there")
        return self
