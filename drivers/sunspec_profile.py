"""From discovered SunSpec models to a device profile: the same data that a person would write by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drivers.sunspec import Discovered, FoundModel, Values
from drivers.sunspec_draft import REVERT_S, DraftPoints, fixed_registers, placed_in, setpoint_within
from drivers.sunspec_models import COMMON, KACO

INVERTERS: Final = (101, 102, 103, 111, 112, 113)
METERS: Final = (201, 202, 203, 204, 211, 212, 213)
DELTA_METER: Final = 204
DER: Final = 701
STORAGE: Final = (713, 802, 124)
"""Where a state of charge stands, the plainest first."""

HEARTBEAT_S: Final = 1
"""Models 715 and 802 want their heartbeat counted up every second."""

KACO_WATCHDOG_S: Final = 60
KACO_BEAT_S: Final = 5
"""KACO wants its watchdog of a minute wound up at least every ten seconds."""

BATTERY_MODULES: Final = (3, 4)
"""Of a Fronius hybrid's four modules in model 160: what charges and what discharges the battery."""

KILO: Final = 0.001
PERCENT: Final = 0.01

_ANY_ENERGY_KWH: Final = [0, 1_000_000_000]
_ANY_POWER_KW: Final = [-20_000, 20_000]
_STATES: Final = [1, 8]  # of the inverter models
_TWO_WAY: Final = ["-1.1 * rated_power_kw", "1.1 * rated_power_kw"]

VARS: Final = 4
"""VarSetMod: VarSet counts, and none of the percentages."""
REACTIVE_SHARE: Final = 0.44
"""Of the rating, either way: what IEEE 1547-2018 asks of every device of category B."""

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
    storage = discovered.first(*STORAGE) or draft.kaco
    inverter = discovered.first(*INVERTERS) or (der if storage is None else None)
    if inverter is not None:
        made.append(draft.inverter(inverter))
    if storage is not None:
        made.append(draft.storage())
    meters = [model for model in discovered.models if model.id in METERS]
    for number, meter in enumerate(meters, start=1):
        made.append(draft.meter(meter, "meter" if number == 1 else f"meter_{number}"))
    return tuple(made)


class _Drafting:
    def __init__(self, discovered: Discovered, values: Values) -> None:
        self._found = discovered
        self._values = values

    @property
    def kaco(self) -> FoundModel | None:
        """KACO's own model, in a device of KACO: another vendor may have something else under this number."""
        return self._found.first(KACO) if "kaco" in self._found.manufacturer.lower() else None

    # -- what a device is ------------------------------------------------------------------------

    def inverter(self, model: FoundModel) -> Suggestion:
        points = DraftPoints(self._values)
        valid = ["-0.02 * rated_power_kw", "1.1 * rated_power_kw"]
        points.add("active_power_kw", model, "W", valid=valid, scale=KILO)
        energy, state = ("TotWhInj", "InvSt") if model.id == DER else ("WH", "St")
        points.add("energy_kwh", model, energy, valid=_ANY_ENERGY_KWH, scale=KILO, read="slow")
        # InvSt counts from 0 what St of the older models counts from 1
        more: dict[str, Any] = {"offset": 1.0} if model.id == DER else {}
        points.add("status", model, state, valid=_STATES, read="slow", **more)
        self._modules(points)
        self._available(points)
        self._reactive(points)
        limited = self._power_limit(points)
        parameters = {"rated_power_kw": self._rated("AC rating, what the power limit's percent count from", "inverter")}
        if limited:
            parameters["safe_power_kw"] = "what the plant may feed when the controller is not there"
        else:
            points.remarks.append("there is no model 123 or 704: the power cannot be limited")
        return self._suggestion("inverter", points, parameters, self._heartbeats(715) if limited else [])

    def storage(self) -> Suggestion:
        points = DraftPoints(self._values)
        der, bank, inverter = (self._found.first(*ids) for ids in ((DER,), (802,), INVERTERS))
        if points.add("active_power_kw", self.kaco, "W", valid=_TWO_WAY, scale=KILO):
            points.remarks.append("model 64201 is KACO's own: its inverter must have been requested to run")
        elif points.add("active_power_kw", der, "W", valid=_TWO_WAY, scale=KILO):
            points.add("energy_import_kwh", der, "TotWhInj", valid=_ANY_ENERGY_KWH, scale=KILO, read="slow")
            points.add("energy_export_kwh", der, "TotWhAbs", valid=_ANY_ENERGY_KWH, scale=KILO, read="slow")
        elif points.add("active_power_kw", bank, "W", valid=_TWO_WAY, scale=KILO):
            points.remarks.append("active_power_kw is the battery's DC power: see that + is discharge, else turn it")
        elif self._battery_modules(points):
            points.remarks.append("active_power_kw is the battery's DC power: modules 3 (charge) and 4 (discharge)")
        elif points.add("active_power_kw", inverter, "W", valid=_TWO_WAY, scale=KILO):
            points.remarks.append("active_power_kw is the AC power of the whole inverter, with its PV if it has any")
        if not any(
            points.add("soc", self._found.first(model_id), name, valid=[0, 1], scale=PERCENT)
            for model_id, name in zip(STORAGE, ("SoC", "SoC", "ChaState"), strict=True)
        ):
            points.remarks.append("there is no state of charge, which a battery needs: only its own management has it")
        self._available(points)
        self._reactive(points)
        if not self._power_setpoint(points):
            points.remarks.append("there is no model 704 or 124: the power cannot be set")
        rated = self._rated("highest charge and discharge power, what a percent counts from", "storage")
        watchdog = fixed_registers(self.kaco, Watchdog=KACO_WATCHDOG_S)
        heartbeats = [*self._heartbeats(715, 802), *({**each, "period_s": KACO_BEAT_S} for each in watchdog)]
        return self._suggestion("storage", points, {"rated_power_kw": rated}, heartbeats)

    def meter(self, model: FoundModel, role: str) -> Suggestion:
        points = DraftPoints(self._values)
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

    def _modules(self, points: DraftPoints) -> None:
        mppt, ports = self._found.first(160), self._found.first(714)
        modules = mppt if mppt is not None else ports
        low = 0 if modules is mppt else "-1.5 * rated_power_kw"
        dc: dict[str, Any] = {"valid": (low, "1.5 * rated_power_kw"), "scale": KILO, "extra": True, "read": "slow"}
        for number in range(1, (modules.modules if modules is not None else 0) + 1):
            if not (self._is_hybrid and number in BATTERY_MODULES):
                points.add(f"dc_{number}_power_kw", modules, f"{number}.DCW", **dc)

    @property
    def _is_hybrid(self) -> bool:
        """Whether this is a Fronius inverter whose model 160 shows its battery as the last two of four modules."""
        mppt, storage = self._found.first(160), self._found.first(124)
        fronius = self._found.manufacturer.lower().startswith("fronius")
        return fronius and storage is not None and mppt is not None and mppt.modules == max(BATTERY_MODULES)

    def _battery_modules(self, points: DraftPoints) -> bool:
        """Discharge power less charge power."""
        if not self._is_hybrid:
            return False
        mppt = self._found.first(160)
        charge, discharge = (f"{number}.DCW" for number in BATTERY_MODULES)
        taken = placed_in(mppt, charge)
        assert taken is not None  # four modules are there
        return points.add("active_power_kw", mppt, discharge, valid=_TWO_WAY, scale=KILO, minus=[taken.address])

    def _implemented(self, model: FoundModel | None, name: str) -> bool:
        """Whether a device has a point, as far as we know: what it says may not have been asked for."""
        said = self._values.get(model) if model is not None else None
        return placed_in(model, name) is not None and (said is None or said.get(name) is not None)

    def _heartbeats(self, *models: int) -> list[dict[str, Any]]:
        names = {715: "ControllerHb", 802: "CtrlHb"}
        counted = []
        for model_id in models:
            model = self._found.first(model_id)
            placed = placed_in(model, names[model_id])
            if placed is not None and self._implemented(model, names[model_id]):
                counted.append({"address": placed.address, "type": placed.spec.type, "period_s": HEARTBEAT_S})
        return counted

    def _only_remote(self, *models: int) -> dict[str, Any]:
        """LocRemCtl is 0 for remote and 1 for local: then somebody stands before the device."""
        conditions = []
        for model_id in models:
            model = self._found.first(model_id)
            placed = placed_in(model, "LocRemCtl")
            if placed is not None and self._implemented(model, "LocRemCtl"):
                local = "the device is under local control"
                conditions.append({"address": placed.address, "values": [0], "otherwise": local})
        return {"only_when": conditions} if conditions else {}

    def _available(self, points: DraftPoints) -> None:
        """LocRemCtl is 0 for remote and 1 for local, where the device does not listen."""
        for model_id in (715, 802):
            model = self._found.first(model_id)
            local: dict[str, Any] = {"valid": [0, 1], "scale": -1.0, "offset": 1.0, "extra": True}
            if points.add("available", model, "LocRemCtl", **local):
                return

    def _reactive(self, points: DraftPoints) -> None:
        """VarSet of model 704 in var; without renewal the device goes back to 0."""
        controls = self._found.first(704)
        kvar: dict[str, Any] = {"valid": _TWO_WAY, "scale": KILO, "extra": True}
        points.add("reactive_power_kvar", self._found.first(DER), "Var", **kvar, read="slow")
        arm = fixed_registers(
            controls, VarSetMod=VARS, VarSetRvrt=0, VarSetEnaRvrt=1, VarSetRvrtTms=REVERT_S, VarSetEna=1
        )
        within: list[float | str] = [f"-{REACTIVE_SHARE} * rated_power_kw", f"{REACTIVE_SHARE} * rated_power_kw"]
        spec = {**setpoint_within(within, safe=0), **self._only_remote(715, 802), "arm": arm}
        if arm:
            points.add("reactive_setpoint_kvar", controls, "VarSet", **kvar, setpoint=spec)

    def _power_limit(self, points: DraftPoints) -> bool:
        immediate, controls = self._found.first(123), self._found.first(704)
        limit: dict[str, Any] = {"valid": [0, "1.1 * rated_power_kw"], "scale": "0.01 * rated_power_kw"}
        spec = {**setpoint_within([0, "rated_power_kw"], safe="safe_power_kw"), **self._only_remote(715)}
        # without the reversion time armed, a limit would outlive the controller
        arm = fixed_registers(controls, WMaxLimPctEnaRvrt=0, WMaxLimPctRvrtTms=REVERT_S, WMaxLimPctEna=1)
        if arm and points.add("power_limit_kw", controls, "WMaxLimPct", **limit, setpoint={**spec, "arm": arm}):
            return True
        arm = fixed_registers(immediate, WMaxLimPct_RvrtTms=REVERT_S, WMaxLim_Ena=1)
        return bool(arm) and points.add(
            "power_limit_kw", immediate, "WMaxLimPct", **limit, setpoint={**spec, "arm": arm}
        )

    def _power_setpoint(self, points: DraftPoints) -> bool:
        controls, storage = self._found.first(704), self._found.first(124)
        spec = {**setpoint_within(["-1 * rated_power_kw", "rated_power_kw"], safe=0), **self._only_remote(715, 802)}
        if self._kaco_setpoint(points, spec):
            return True
        # WSetMod 1 is watts; without renewal the device goes to 0 kW and stays there
        arm = fixed_registers(controls, WSetMod=1, WSetRvrt=0, WSetEnaRvrt=1, WSetRvrtTms=REVERT_S, WSetEna=1)
        watts: dict[str, Any] = {"valid": _TWO_WAY, "scale": KILO, "setpoint": {**spec, "arm": arm}}
        if arm and points.add("power_setpoint_kw", controls, "WSet", **watts):
            return True
        charge, limits = placed_in(storage, "InWRte"), fixed_registers(storage, StorCtl_Mod=3)
        if storage is None or charge is None or not limits:
            return False
        # a rate is a highest one, and below 0 the lowest of the other way: P and -P leave exactly P
        before = self._before(points, storage)
        exact = {
            **({"before": before} if before else {}),
            "also": [{"address": charge.address, "carries": "negative"}],
            "together": [[charge.address - 1, charge.address]],
            "arm": limits,  # both bits: both rates are in force
        }
        if not self._implemented(storage, "InOutWRte_RvrtTms"):
            del spec["revert_s"]
        rate: dict[str, Any] = {"valid": _TWO_WAY, "scale": "0.01 * rated_power_kw", "setpoint": {**spec, **exact}}
        return points.add("power_setpoint_kw", storage, "OutWRte", **rate)

    def _kaco_setpoint(self, points: DraftPoints, spec: Mapping[str, Any]) -> bool:
        """WSetPct of model 64201; its watchdog stops the inverter when nobody renews it."""
        kaco = self.kaco
        watched = {"revert_s": KACO_WATCHDOG_S, "refresh_s": KACO_WATCHDOG_S // 2}
        setpoint = {**spec, **watched, "arm": fixed_registers(kaco, WSet_Ena=1)}
        rate: dict[str, Any] = {"valid": _TWO_WAY, "scale": "0.01 * rated_power_kw", "setpoint": setpoint}
        return points.add("power_setpoint_kw", kaco, "WSetPct", **rate)

    def _before(self, points: DraftPoints, storage: FoundModel) -> list[dict[str, Any]]:
        """What a rate of model 124 needs before it: its time of reversion, and leave to charge from the grid."""
        before = []
        if self._implemented(storage, "InOutWRte_RvrtTms"):
            before += fixed_registers(storage, InOutWRte_RvrtTms=REVERT_S)
        else:
            points.remarks.append("the rates of model 124 have no time of reversion: they outlive the controller")
        if self._implemented(storage, "ChaGriSet"):
            before += fixed_registers(storage, ChaGriSet=1)
            points.remarks.append("ChaGriSet is set to 1: the battery may charge from the grid")
        return before

    def _rated(self, meaning: str, role: str) -> str:
        for model_id, name in _RATED[role]:
            model = self._found.first(model_id)
            said_w = self._values.get(model, {}).get(name) if model is not None else None
            if said_w:
                return f"{meaning}; the device says {said_w / 1000:g}"
        return meaning

    def _suggestion(
        self,
        role: str,
        points: DraftPoints,
        parameters: Mapping[str, str],
        heartbeats: Sequence[Mapping[str, Any]] = (),
    ) -> Suggestion:
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
        if heartbeats:
            profile["heartbeats"] = [dict(heartbeat) for heartbeat in heartbeats]
        return Suggestion(role, {**profile, "points": points.points}, tuple(points.remarks))
