"""The kinds of faults: one model each, with its parameters, what it falls upon, and the protocols that have it.

`KINDS` is the one table of them. Refusals, `parkgrid fault list`, docs/faults.md and the tests are made from it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat

from config.base import Frozen, Identifier, Share
from simulators.faults.times import Moment, Span

Protocol = Literal["modbus", "opcua", "mqtt"]
Group = Literal["line", "answers", "commands", "physical"]

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

ModbusException = Literal[1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
"""The exception codes of the Modbus specification."""

BadStatus = Literal[
    "BadCommunicationError",
    "BadDeviceFailure",
    "BadInternalError",
    "BadNotConnected",
    "BadNotReadable",
    "BadOutOfService",
    "BadSensorFailure",
    "BadWaitingForInitialData",
    "UncertainLastUsableValue",
    "UncertainSensorNotAccurate",
]
"""Status codes with which servers give values that are not to be believed."""

WriteStatus = Literal["BadNotWritable", "BadOutOfRange", "BadUserAccessDenied", "BadInvalidState", "BadDeviceFailure"]
"""Status codes with which servers refuse a write."""


def _thousand(value: float) -> float:
    if value not in (1000.0, 0.001):
        raise ValueError(f"is {value:g}, should be 1000 or 0.001")
    return value


UnitFactor = Annotated[float, AfterValidator(_thousand)]

SUNSPEC_FAULT = 7
"""St of a SunSpec inverter that has tripped; our simulated devices have no fault code of their own."""


class FaultSpec(Frozen):
    """A fault as it is asked for."""

    group: ClassVar[Group]
    on: ClassVar[Literal["device", "connection"]] = "device"
    protocols: ClassVar[tuple[Protocol, ...]] = PROTOCOLS

    target: Identifier
    """The device or connection of the site file."""
    id: Identifier | None = None
    """Its name in lists and in the truth file; a number when not given. Random faults are seeded by it."""
    at: Moment | None = None
    """When it begins; at the start, or now for one that is set by command."""
    for_: Annotated[Span | None, Field(alias="for")] = None
    """How long it stands; until it is cleared when not given."""


# -- on the line ---------------------------------------------------------------------------------------


class LinkDown(FaultSpec):
    """The port is closed: connections end, new ones are refused."""

    group = "line"
    on = "connection"
    kind: Literal["link_down"]


class BlackHole(FaultSpec):
    """Connections are accepted and nothing is ever answered; what is sent is lost."""

    group = "line"
    on = "connection"
    kind: Literal["black_hole"]


class Slow(FaultSpec):
    """Every answer comes late, in real seconds as all protocol timers."""

    group = "line"
    on = "connection"
    kind: Literal["slow"]
    latency_s: NonNegativeFloat = 0.5
    """Added to each answer."""
    jitter_s: NonNegativeFloat = 0.0
    """Up to so much more, evenly spread and seeded; the order is kept."""


class Reset(FaultSpec):
    """The connection is reset in the middle of an answer."""

    group = "line"
    on = "connection"
    kind: Literal["reset"]
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Which answer of a connection is the one."""


class BrokerRestart(FaultSpec):
    """The park's MQTT broker is killed; it is started again when the fault ends."""

    group = "line"
    on = "connection"
    protocols = ("mqtt",)
    kind: Literal["broker_restart"]


# -- in the answers ------------------------------------------------------------------------------------


class Exceptional(FaultSpec):
    """Every request, to read or to write, is answered with a Modbus exception."""

    group = "answers"
    protocols = ("modbus",)
    kind: Literal["exception"]
    code: ModbusException = 4
    """The exception code; 4 is a failure of the device, 6 a busy one, 11 a device that a gateway does not reach."""


class StatusOfValue(FaultSpec):
    """Values are given with a status that is not good."""

    group = "answers"
    protocols = ("opcua",)
    kind: Literal["bad_status"]
    status: BadStatus = "BadDeviceFailure"
    """The status code of the values."""


class NoPublication(FaultSpec):
    """The device is connected to its broker and publishes nothing."""

    group = "answers"
    protocols = ("mqtt",)
    kind: Literal["no_publication"]


class ValueFault(FaultSpec):
    """A fault in some of a device's measured values."""

    group = "answers"
    points: tuple[Identifier, ...] = ()
    """The points that it falls upon; the powers of the device when not given, or all it measures if it has none."""


class WrongValue(ValueFault):
    """Another number stands where the measured one should."""

    kind: Literal["wrong_value"]
    value: float
    """The number, in the point's unit and the site's sign."""


class Stuck(ValueFault):
    """The values stay what they were when the fault began; time stamps go on."""

    kind: Literal["frozen"]


class Drift(ValueFault):
    """The values run away from the measured ones."""

    kind: Literal["drift"]
    per_hour: float
    """By how much in an hour of the park's time, in the point's unit."""


class Bias(ValueFault):
    """A sensor that shows too much or too little."""

    kind: Literal["bias"]
    offset: float
    """Added to the value, in the point's unit."""


class NoValue(ValueFault):
    """The protocol's own "no value": NaN in a float, the profile's sentinel or the type's usual one in registers,
    BadNoData in OPC UA where a number cannot be NaN, null in MQTT."""

    kind: Literal["no_value"]


class Spikes(ValueFault):
    """Now and then a value is far off, upwards or downwards; seeded."""

    kind: Literal["spikes"]
    height: float
    """By how much, in the point's unit."""
    share: Share = 0.1
    """How many of the periods have a spike."""
    period_s: PositiveFloat = 10.0
    """How long one lasts, in the park's time."""


class UnitSwapped(ValueFault):
    """W where kW is meant, or the other way round."""

    kind: Literal["unit_swapped"]
    factor: UnitFactor = 1000.0
    """What the value is multiplied by."""


class SignSwapped(ValueFault):
    """A meter that is built in the wrong way round; its counters go on to count as before."""

    kind: Literal["sign_swapped"]


# -- in what becomes of commands -----------------------------------------------------------------------


class WritesIgnored(FaultSpec):
    """Writes are accepted on the wire, and the device does not follow."""

    group = "commands"
    kind: Literal["writes_ignored"]
    shown: Literal["unchanged", "written"] = "unchanged"
    """What reads back: what was there before, or what was written and is not done."""


class WritesRejected(FaultSpec):
    """Writes are refused. MQTT has no refusal."""

    group = "commands"
    protocols = ("modbus", "opcua")
    kind: Literal["writes_rejected"]
    code: ModbusException = 4
    """The exception of a Modbus device."""
    status: WriteStatus = "BadNotWritable"
    """The status code of an OPC UA server."""


class WatchdogOff(FaultSpec):
    """A setpoint that nobody renews is held for ever."""

    group = "commands"
    kind: Literal["watchdog_off"]


class Reboot(FaultSpec):
    """The device is gone with all that is behind its port; it comes back when the fault ends, with its setpoints and
    everything that was armed lost."""

    group = "commands"
    kind: Literal["reboot"]


class ClockWrong(FaultSpec):
    """The device's own time stamps are off. Modbus devices give none."""

    group = "commands"
    protocols = ("opcua", "mqtt")
    kind: Literal["clock_wrong"]
    offset_s: Annotated[float, Field(ge=-3.2e9, le=3.2e9)]
    """Added to its time, negative for a clock that is late; a century either way at most. At an OPC UA server all
    devices have the same clock."""


# -- in the device -------------------------------------------------------------------------------------


class Trip(FaultSpec):
    """The device is there and has tripped: it says 0 kW, and that it is not available, until the fault ends."""

    group = "physical"
    kind: Literal["trip"]
    status: float = SUNSPEC_FAULT
    """What its status says, where the profile's valid range has that number."""


class BreakerOpen(FaultSpec):
    """The breaker of the grid connection is open."""

    group = "physical"
    kind: Literal["breaker_open"]


LineFault = LinkDown | BlackHole | Slow | Reset
AlteredValue = WrongValue | Stuck | Drift | Bias | NoValue | Spikes | UnitSwapped | SignSwapped
Fault = (
    LineFault
    | BrokerRestart
    | Exceptional
    | StatusOfValue
    | NoPublication
    | AlteredValue
    | WritesIgnored
    | WritesRejected
    | WatchdogOff
    | Reboot
    | ClockWrong
    | Trip
    | BreakerOpen
)
AnyFault = Annotated[Fault, Field(discriminator="kind")]

KINDS: dict[str, type[FaultSpec]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(Fault)
}
"""Every kind by its name, in the order of its group."""

COMMON = frozenset(FaultSpec.model_fields) | {"kind"}
"""The keys that are not a parameter of one kind."""


def parameters_of(model: type[FaultSpec]) -> list[str]:
    return [name for name in model.model_fields if name not in COMMON]


def sentence_of(model: type[FaultSpec]) -> str:
    """What a kind is, on one line."""
    return " ".join((model.__doc__ or "").split())
