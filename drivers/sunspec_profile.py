"""From discovered SunSpec models to a device profile: the same data that a person would write by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.sunspec import Discovered, FoundModel, PlacedPoint, Values, points_of_model
from drivers.sunspec_models import COMMON

INVERTERS: Final = (101, 102, 103, 111, 112, 113)
METERS: Final = (201, 202, 203, 204, 211, 212, 213)
DELTA_METER: Final = 204
DER: Final = 701
STORAGE: Final = (713, 802, 124)
"""Where a state of charge stands, the plainest first."""

REVERT_S: Final = 120
"""A limit falls away two minutes after nobody renews it: two lost refreshes do no harm."""

KILO: Final = 0.001
PERCENT: Final = 0.01

_ANY_ENERGY_KWH: Final = [0, 1_000_000_000]
_ANY_POWER_KW: Final = [-20_000, 20_000]
_STATES: Final = [1, 8]  # of the inverter models
_DER_STATES: Final = [0, 7]
_TWO_WAY: Final = ["-1.1 * rated_power_kw", "1.1 * rated_power_kw"]

_RATED: Final = {
    "inverter": ((121, "WMax"), (702, "WMax"), (120, "WRtg"), (702, "WMaxRtg")),
    "storage": (
        *((124, "WChaMax"), (702, "WDisChaRteMaxRtg"), (702, "WMaxRtg"), (120, "MaxDisChaRte")),
        *((802, "WDisChaRteMax"), (120, "WRtg")),
    ),
}
"""Where a device says its rating, the plainest first."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A profile for one of the things that a device is."""

    role: str
    """``inverter``, ``storage``, ``meter``, or ``meter_2`` for a second meter in the same device."""
    profile: dict[str, Any]
    """Data of a ModbusProfile, of plain numbers, texts, lists and dicts."""
    remarks: tuple[str, ...]
    """What a person should look at before using it."""


def profiles_of(discovered: Discovered, values: Values | None = None) -> tuple[Suggestion, ...]:
    """A profile for each thing that the models describe; none where they describe nothing that we know.

    `values` are what the points say now: they name the device's rating, and what is not implemented is left out
    where an asset does not need it.
    """
    draft = _Drafting(discovered, values or {})
    made = []
    der = discovered.first(DER)
    storage = discovered.first(*STORAGE)
    inverter = discovered.first(*INVERTERS) or (der if storage is None else None)
    if inverter is not None:
        made.append(draft.inverter(inverter))
    if storage is not None:
        made.append(draft.storage())
    meters = [model for model in discovered.models if model.id in METERS]
    for number, meter in enumerate(meters, start=1):
        made.append(draft.meter(meter, "meter" if number == 1 else f"meter_{number}"))
    return tuple(made)


@dataclass(slots=True)
class _Points:
    """The points of one profile as they come together."""

    values: Values
    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        model: FoundModel | None,
        source: str,
        *,
        valid: Sequence[float | str],
        scale: float | str = 1.0,
        extra: bool = False,
        **more: Any,
    ) -> bool:
        """Add a point if the model has it; an `extra` one only if it is implemented."""
        placed = _placed(model, source)
        if model is None or placed is None:
            return False
        said = self.values.get(model)
        if extra and said is not None and said.get(source) is None:
            return False
        point: dict[str, Any] = {"address": placed.address, "type": placed.spec.type}
        if placed.scale_factor is not None:
            point["scale_factor"] = placed.scale_factor
        if scale != 1.0:
            point["scale"] = scale
        if placed.spec.sentinels:
            point["sentinels"] = list(placed.spec.sentinels)
        self.points[name] = {**point, "valid": list(valid), **more}
        return True


class _Drafting:
    def __init__(self, discovered: Discovered, values: Values) -> None:
        self._found = discovered
        self._values = values

    # -- what a device is ------------------------------------------------------------------------

    def inverter(self, model: FoundModel) -> Suggestion:
        points = _Points(self._values)
        valid = ["-0.02 * rated_power_kw", "1.1 * rated_power_kw"]
        points.add("active_power_kw", model, "W", valid=valid, scale=KILO)
        energy, state = ("TotWhInj", "InvSt") if model.id == DER else ("WH", "St")
        points.add("energy_kwh", model, energy, valid=_ANY_ENERGY_KWH, scale=KILO, read="slow")
        points.add("status", model, state, valid=_DER_STATES if model.id == DER else _STATES, read="slow")
        self._modules(points)
        self._available(points)
        limited = self._power_limit(points)
        parameters = {"rated_power_kw": self._rated("AC rating, what the power limit's percent count from", "inverter")}
        if limited:
            parameters["safe_power_kw"] = "what the plant may feed when the controller is not there"
        else:
            points.remarks.append("there is no model 123 or 704: the power cannot be limited")
        return self._suggestion("inverter", points, parameters)

    def storage(self) -> Suggestion:
        points = _Points(self._values)
        der, bank, inverter = (self._found.first(*ids) for ids in ((DER,), (802,), INVERTERS))
        if points.add("active_power_kw", der, "W", valid=_TWO_WAY, scale=KILO):
            points.add("energy_import_kwh", der, "TotWhInj", valid=_ANY_ENERGY_KWH, scale=KILO, read="slow")
            points.add("energy_export_kwh", der, "TotWhAbs", valid=_ANY_ENERGY_KWH, scale=KILO, read="slow")
        elif points.add("active_power_kw", bank, "W", valid=_TWO_WAY, scale=KILO):
            points.remarks.append("active_power_kw is the battery's DC power: see that + is discharge, else turn it")
        elif points.add("active_power_kw", inverter, "W", valid=_TWO_WAY, scale=KILO):
            points.remarks.append("active_power_kw is the AC power of the whole inverter, with its PV if it has any")
        any(
            points.add("soc", self._found.first(model_id), name, valid=[0, 1], scale=PERCENT)
            for model_id, name in zip(STORAGE, ("SoC", "SoC", "ChaState"), strict=True)
        )
        self._available(points)
        if not self._power_setpoint(points):
            points.remarks.append("there is no model 704 or 124: the power cannot be set")
        for model_id, beat in ((715, "ControllerHb"), (802, "CtrlHb")):
            if self._found.first(model_id) is not None:
                points.remarks.append(f"model {model_id} has a heartbeat ({beat}), which a profile does not write")
        rated = self._rated("highest charge and discharge power, what a percent counts from", "storage")
        return self._suggestion("storage", points, {"rated_power_kw": rated})

    def meter(self, model: FoundModel, role: str) -> Suggestion:
        points = _Points(self._values)
        points.add("active_power_kw", model, "W", valid=_ANY_POWER_KW, scale=KILO)
        if model.id != DELTA_METER:  # its phases have no neutral to be measured against
            points.add("voltage_v", model, "PhV", valid=[100, 20_000], extra=True, read="slow")
        points.add("frequency_hz", model, "Hz", valid=[45, 65], extra=True, read="slow")
        reactive: dict[str, Any] = {"valid": _ANY_POWER_KW, "scale": KILO, "read": "slow"}
        points.add("reactive_power_kvar", model, "VAR", extra=True, **reactive)
        points.add("energy_export_kwh", model, "TotWhExp", valid=_ANY_ENERGY_KWH, scale=KILO)
        points.add("energy_import_kwh", model, "TotWhImp", valid=_ANY_ENERGY_KWH, scale=KILO)
        points.remarks.append("see that active_power_kw is + for import, else turn it and change the two counters")
        return self._suggestion(role, points, {})

    # -- parts of it -----------------------------------------------------------------------------

    def _modules(self, points: _Points) -> None:
        mppt = self._found.first(160)
        for number in range(1, (mppt.modules if mppt is not None else 0) + 1):
            valid = (0, "1.5 * rated_power_kw")
            points.add(f"dc_{number}_power_kw", mppt, f"{number}.DCW", valid=valid, scale=KILO, extra=True, read="slow")

    def _available(self, points: _Points) -> None:
        """LocRemCtl is 0 for remote and 1 for local, where the device does not listen."""
        for model_id in (715, 802):
            model = self._found.first(model_id)
            local: dict[str, Any] = {"valid": [0, 1], "scale": -1.0, "offset": 1.0, "extra": True}
            if points.add("available", model, "LocRemCtl", **local):
                return

    def _power_limit(self, points: _Points) -> bool:
        immediate, controls = self._found.first(123), self._found.first(704)
        limit: dict[str, Any] = {"valid": [0, "1.1 * rated_power_kw"], "scale": "0.01 * rated_power_kw"}
        spec = _setpoint([0, "rated_power_kw"], safe="safe_power_kw")
        # without the reversion time armed, a limit would outlive the controller
        arm = _arm(controls, WMaxLimPctEnaRvrt=0, WMaxLimPctRvrtTms=REVERT_S, WMaxLimPctEna=1)
        if arm and points.add("power_limit_kw", controls, "WMaxLimPct", **limit, setpoint={**spec, "arm": arm}):
            return True
        arm = _arm(immediate, WMaxLimPct_RvrtTms=REVERT_S, WMaxLim_Ena=1)
        return bool(arm) and points.add(
            "power_limit_kw", immediate, "WMaxLimPct", **limit, setpoint={**spec, "arm": arm}
        )

    def _power_setpoint(self, points: _Points) -> bool:
        controls, storage = self._found.first(704), self._found.first(124)
        spec = _setpoint(["-1 * rated_power_kw", "rated_power_kw"], safe=0)
        # WSetMod 1 is watts; without renewal the device goes to 0 kW and stays there
        arm = _arm(controls, WSetMod=1, WSetRvrt=0, WSetEnaRvrt=1, WSetRvrtTms=REVERT_S, WSetEna=1)
        watts: dict[str, Any] = {"valid": _TWO_WAY, "scale": KILO, "setpoint": {**spec, "arm": arm}}
        if arm and points.add("power_setpoint_kw", controls, "WSet", **watts):
            return True
        # a negative discharge rate is a forced charge, also from the grid; bit 1 of StorCtl_Mod puts it in force
        arm = _arm(storage, InOutWRte_RvrtTms=REVERT_S, ChaGriSet=1, StorCtl_Mod=2)
        rate: dict[str, Any] = {"valid": _TWO_WAY, "scale": "0.01 * rated_power_kw", "setpoint": {**spec, "arm": arm}}
        if not (arm and points.add("power_setpoint_kw", storage, "OutWRte", **rate)):
            return False
        points.remarks.append(
            "of model 124 only the discharge rate is written: below 0 it charges, above it is a limit"
        )
        return True

    def _rated(self, meaning: str, role: str) -> str:
        for model_id, name in _RATED[role]:
            model = self._found.first(model_id)
            said_w = self._values.get(model, {}).get(name) if model is not None else None
            if said_w:
                return f"{meaning}; the device says {said_w / 1000:g}"
        return meaning

    def _suggestion(self, role: str, points: _Points, parameters: Mapping[str, str]) -> Suggestion:
        found = self._found
        who = " ".join(word for word in (found.manufacturer, found.model) if word) or "A device"
        kind = role.partition("_")[0]
        ids = ", ".join(str(model.id) for model in found.models if model.id != COMMON)
        if found.ended:
            points.remarks.append(f"the walk through the models ended early: {found.ended}")
        profile: dict[str, Any] = {
            "description": f"{who}, SunSpec {kind}, block at {found.base}, models {ids}",
            "verified": False,
            "source": "SunSpec discovery on the device",
            "protocol": "modbus",
        }
        if parameters:
            profile["parameters"] = dict(parameters)
        return Suggestion(role, {**profile, "points": points.points}, tuple(points.remarks))


def _placed(model: FoundModel | None, name: str) -> PlacedPoint | None:
    if model is None:
        return None
    return next((point for point in points_of_model(model) if point.name == name), None)


def _arm(model: FoundModel | None, **registers: int) -> list[dict[str, Any]]:
    """Fixed values for registers of a model, in this order; empty when one of them is not there."""
    placed = [(_placed(model, name), value) for name, value in registers.items()]
    if any(point is None for point, _ in placed):
        return []
    return [
        {"address": point.address, "type": point.spec.type, "value": value}
        for point, value in placed
        if point is not None
    ]


def _setpoint(span: Sequence[float | str], safe: float | str) -> dict[str, Any]:
    return {
        "range": list(span),
        "resolution": "0.001 * rated_power_kw",
        "tolerance": "0.005 * rated_power_kw",
        "safe": safe,
        "revert_s": REVERT_S,
        "refresh_s": REVERT_S // 2,
    }
