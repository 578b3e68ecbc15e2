"""Whole SunSpec blocks around the registers that a vendor's profile names, so that any SunSpec client can walk them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pymodbus.constants import ExcCodes

from config.point import Point
from config.profile import ModbusProfile
from config.register import ModbusType
from simulators.encoding import exponent_for, number_of, raw_of
from simulators.served import Served
from simulators.servers.register_parts import modbus_of
from simulators.servers.registers import ProfileRegisters, Table
from simulators.servers.setpoint_registers import SetpointRegisters, WordAt
from simulators.servers.storage_rates import StorageRates
from simulators.servers.sunspec_contents import (
    inverter_content,
    meter_content,
    nameplate_content,
    settings_content,
    status_content,
    storage_content,
    trackers_content,
)
from simulators.servers.sunspec_der import (
    DER_MODELS,
    VARS,
    WATTS,
    DerSetpoint,
    capacity_content,
    control_content,
    measured_content,
    ports,
    ports_content,
    store_content,
)
from simulators.servers.sunspec_models import (
    BASE,
    END,
    MARKER,
    MODELS,
    SHORT_COMMON,
    Content,
    Model,
    model,
    trackers,
)
from simulators.watchdog import Watchdog

_KACO = model(
    64201,
    "R2:p R3:p RequestedState:e CurrentState:e CtrlMode:e R7:p Watchdog:u "
    "WSetPct:i:WSetPct_SF VarSetPct:i:VarSetPct_SF "
    + " ".join(f"R{at}:p" for at in range(11, 25))
    + " WSet_Ena:e "
    + " ".join(f"R{at}:p" for at in range(26, 35))
    + " W:i:W_SF "
    + " ".join(f"R{at}:p" for at in range(36, 46))
    + " WSetPct_SF:f VarSetPct_SF:f R48:p R49:p R50:p W_SF:f R52:p R53:p",
)
"""KACO's own model, as far as it is public; what is not reads as not implemented."""

LAYOUTS: Mapping[str, tuple[Model, ...]] = {
    "sunspec_storage_124": tuple(MODELS[of] for of in (1, 103, 120, 123, 124)),
    "sunspec_der_inverter": (MODELS[1], *(DER_MODELS[of] for of in (701, 702, 704)), ports(2)),
    "sunspec_der_storage": (MODELS[1], *(DER_MODELS[of] for of in (701, 702, 704, 713)), ports(1), DER_MODELS[715]),
    "fronius_gen24": (SHORT_COMMON, *(MODELS[of] for of in (103, 120, 121, 122, 123)), trackers(4)),
    "fronius_gen24_battery": (
        SHORT_COMMON,
        *(MODELS[of] for of in (103, 120, 121, 122, 123)),
        trackers(4),
        MODELS[124],
    ),
    "fronius_meter": (SHORT_COMMON, MODELS[203]),
    "kaco_gridsave": (MODELS[1], MODELS[103], MODELS[121], _KACO),
}
"""By profile, the models of the block in their order."""

_STORAGE, _CONTROLS, _CONTROL = 124, 704, 715

_REVERSIONS = (
    (123, "WMaxLimPct", "WMaxLimPct_RvrtTms"),
    (124, "OutWRte", "InOutWRte_RvrtTms"),
    (704, "WMaxLimPct", "WMaxLimPctRvrtTms"),
    (704, "WSet", "WSetRvrtTms"),
    (704, "VarSet", "VarSetRvrtTms"),
)
"""Model, setpoint, and the register with the seconds after which it falls away; 0 seconds are for ever."""


_LOCAL = 1


class _Place(NamedTuple):
    address: int
    size: int
    """In registers."""


class SunspecBlock(ProfileRegisters):
    """A device that a profile describes, with everything else of its SunSpec block.

    Scale factors that the profile names hold for the whole model; what can be written is what the profile writes.
    """

    def __init__(
        self,
        device: str,
        unit: int,
        points: Sequence[Point],
        served: Served,
        watchdog: Watchdog,
        profile: ModbusProfile,
        models: Sequence[Model],
    ) -> None:
        super().__init__(device, unit, points, served, watchdog, profile)
        self._models = tuple(models)
        self._starts: list[int] = []
        start = BASE + len(MARKER)
        for each in self._models:
            self._starts.append(start)
            start += 2 + each.length
        self._end = start + len(END)
        self._block: list[int] = []
        self._timers = {
            setpoint.address: timer
            for of, name, timer_name in _REVERSIONS
            if (setpoint := self._place(of, name)) is not None and (timer := self._place(of, timer_name)) is not None
        }
        for name, registers in self._setpoints.items():
            self._setpoints[name] = own = self._standard(registers)
            own.timers = frozenset(timer.address for timer in self._timers.values())

    def _place(self, model_id: int, name: str) -> _Place | None:
        """Where a point of a model lies; None in a block without the model."""
        for each, start in zip(self._models, self._starts, strict=True):
            if each.id == model_id:
                field = each.field(name)
                return _Place(start + field.offset, field.size)
        return None

    def _standard(self, registers: SetpointRegisters) -> SetpointRegisters:
        """A setpoint as its model has it, where that is more than a profile can say."""
        point, address = registers.point, modbus_of(registers.point).address

        def is_at(model_id: int, name: str) -> bool:
            place = self._place(model_id, name)
            return place is not None and place.address == address

        def register(model_id: int, name: str) -> int:
            place = self._place(model_id, name)
            assert place is not None  # the model was found by another of its points
            return place.address

        if is_at(_STORAGE, "OutWRte"):
            return StorageRates(point, self._exponents, register(_STORAGE, "StorCtl_Mod"))
        if is_at(_CONTROLS, "WMaxLimPct"):
            return DerSetpoint(point, self._exponents, register(_CONTROLS, "WMaxLimPctEna"))
        for name, mode in (("WSet", WATTS), ("VarSet", VARS)):
            if is_at(_CONTROLS, name):
                enable, at, revert = (register(_CONTROLS, f"{name}{what}") for what in ("Ena", "Mod", "Rvrt"))
                return DerSetpoint(point, self._exponents, enable, (at, mode), revert)
        return registers

    @property
    def span(self) -> tuple[int, int]:
        return BASE, self._end - 1

    def read(self, table: Table, address: int, count: int) -> list[int] | ExcCodes:
        self._block = []
        return super().read(table, address, count)

    def beside(self, table: Table, place: int) -> int | None:
        if table != "holding" or not BASE <= place < self._end:
            return None
        if not self._block:
            self._block = self._encoded_block()
        return self._block[place - BASE]

    def revert_s(self, point: Point, word_at: WordAt) -> float | None:
        timer = self._timers.get(modbus_of(point).address)
        if timer is None:
            return super().revert_s(point, word_at)
        words = [word_at(timer.address + index) for index in range(timer.size)]
        return number_of("u16" if timer.size == 1 else "u32", words) or None

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None:
        """Somebody who stands before the device, and has set it to local, is not interfered with."""
        self._block = []
        switch = self._place(_CONTROL, "LocRemCtl")
        if switch is not None and self._word("holding", switch.address, self._look()) == _LOCAL:
            return ExcCodes.DEVICE_FAILURE
        return super().write(address, words)

    def _encoded_block(self) -> list[int]:
        values = self._served.values(self.device)
        words = list(MARKER)
        for each, start in zip(self._models, self._starts, strict=True):
            content = dict(self._content(each, values))
            for field in each.fields:
                if field.kind == "f" and (known := self._fixed.get(("holding", start + field.offset))) is not None:
                    content[field.name] = known - 0x10000 if known & 0x8000 else known
            words += each.encode(content)
        return [*words, *END]

    def _content(self, each: Model, values: Mapping[str, float]) -> Content:
        rated_w = self._rated_w
        seen = {name: value for name, value in values.items() if not math.isnan(value)}
        for name in ("energy_kwh", "inverter_energy_kwh", "energy_import_kwh"):
            if name in seen:
                seen.setdefault("energy_kwh", seen[name])
        for name, value in (("active_power_kw", 0.0), ("energy_kwh", 0.0), ("status", 4.0)):
            seen.setdefault(name, value)
        match each.id:
            case 1:
                return {"Mn": "parkgrid", "Md": "Simulated device", "Vr": "1", "SN": self.device, "DA": self.unit}
            case 103:
                inverter = seen | {"active_power_kw": seen.get("inverter_power_kw", seen["active_power_kw"])}
                return inverter_content(inverter, rated_w, self._exponent)
            case 120:
                return nameplate_content(rated_w)
            case 121:
                return settings_content(rated_w)
            case 122:
                return status_content(seen)
            case 124:
                return storage_content(seen, rated_w)
            case 160:
                return trackers_content(seen, rated_w, sum(field.name.endswith("IDStr") for field in each.fields))
            case 701:
                return measured_content(seen, rated_w, self._exponent)
            case 702:
                return capacity_content(rated_w, stores="soc" in seen)
            case 713:
                return store_content(seen)
            case 714:
                return ports_content(seen, rated_w, sum(field.name.endswith("IDStr") for field in each.fields))
            case 715:
                return control_content(self._served.now.timestamp())
            case 203:
                return meter_content(seen, self._exponent)
            case _:
                return {}

    @property
    def _rated_w(self) -> float:
        """The rating, from the largest setpoint; from what is believed of the power where nothing is written."""
        setpoints = [point.setpoint.high for point in self._points.values() if point.setpoint is not None]
        believed = [point.valid[1] for point in self._points.values() if point.name == "active_power_kw"]
        return 1000 * max(setpoints or believed)

    def _exponent(self, name: str, kind: ModbusType) -> int:
        """The scale factor that shows all believable values of a point."""
        point = self._points.get(name)
        if point is None:
            return exponent_for(2 * self._rated_w, kind) if name != "voltage_v" else -1
        return exponent_for(max(abs(raw_of(point, bound)) for bound in point.valid), kind)
