"""What SunSpec models of a device say, from the few values that the plant has of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from config.register import ModbusType
from simulators.encoding import exponent_for
from simulators.servers.sunspec_models import Content

ENERGY_EXPONENT = 1
"""Counters in 10 Wh: 32 bits then hold 43 GWh, some years of a park, and a 15-min record is still exact to 0.01 kWh."""

PHASE_V = 230.0
"""Line-to-neutral voltage of an inverter."""

RATED_POWER_FACTOR = 0.9

Values = Mapping[str, float]
"""By point, in the point's unit and the site's sign."""

ExponentOf = Callable[[str, ModbusType], int]
"""The scale factor of a point that fits a type."""


def meter_content(values: Values, exponent: ExponentOf) -> Content:
    """Models 201 to 204: balanced phases, power is + for import."""
    power_w = 1000 * values["active_power_kw"]
    reactive_var = 1000 * values.get("reactive_power_kvar", 0.0)
    apparent_va = math.hypot(power_w, reactive_var)
    phase_v = values.get("voltage_v", PHASE_V)
    line_v = math.sqrt(3) * phase_v
    current_a = apparent_va / phase_v if phase_v else 0.0  # a park in the dark has no voltage
    factor_pct = 100 * power_w / apparent_va if apparent_va else 100.0
    power_exponent = exponent("active_power_kw", "s16")
    content: dict[str, float | str] = {
        "A": current_a,
        "A_SF": 0,
        "PhV": phase_v,
        "PPV": line_v,
        "V_SF": exponent("voltage_v", "s16"),
        "Hz": values["frequency_hz"],
        "Hz_SF": exponent("frequency_hz", "s16"),
        "W": power_w,
        "W_SF": power_exponent,
        "VA": apparent_va,
        "VA_SF": power_exponent,
        "VAR": reactive_var,
        "VAR_SF": exponent("reactive_power_kvar", "s16"),
        "PF": factor_pct,
        "PF_SF": -2,
        "TotWhExp": 1000 * values["energy_export_kwh"],
        "TotWhImp": 1000 * values["energy_import_kwh"],
        "TotWh_SF": ENERGY_EXPONENT,
        "Evt": 0,
    }
    for phase in "ABC":
        content |= {f"Aph{phase}": current_a / 3, f"PhVph{phase}": phase_v, f"PFph{phase}": factor_pct}
        content |= {f"Wph{phase}": power_w / 3, f"VAph{phase}": apparent_va / 3, f"VARph{phase}": reactive_var / 3}
    for lines in ("AB", "BC", "CA"):
        content[f"PhVph{lines}"] = line_v
    return content


def inverter_content(values: Values, rated_w: float, exponent: ExponentOf) -> Content:
    """Models 101 to 103: balanced phases at unity power factor."""
    power_w = 1000 * values["active_power_kw"]
    power_exponent = exponent("active_power_kw", "s16")
    phase_a = abs(power_w) / (3 * PHASE_V)
    content: dict[str, float | str] = {
        "A": 3 * phase_a,
        "A_SF": exponent_for(2 * rated_w / PHASE_V, "u16"),
        "V_SF": -1,
        "W": power_w,
        "W_SF": power_exponent,
        "Hz": 50,
        "Hz_SF": -2,
        "VA": abs(power_w),
        "VA_SF": power_exponent,
        "VAr": 0,
        "VAr_SF": power_exponent,
        "PF": 100,
        "PF_SF": -2,
        "WH": 1000 * values["energy_kwh"],
        "WH_SF": ENERGY_EXPONENT,
        "TmpCab": 25 + 20 * abs(power_w) / rated_w,
        "Tmp_SF": -1,
        "St": values["status"],
        "Evt1": 0,
        "Evt2": 0,
    }
    for phase in "ABC":
        content |= {f"Aph{phase}": phase_a, f"PhVph{phase}": PHASE_V}
    for lines in ("AB", "BC", "CA"):
        content[f"PPVph{lines}"] = math.sqrt(3) * PHASE_V
    return content


def nameplate_content(rated_w: float) -> Content:
    """Model 120."""
    exponent = exponent_for(rated_w, "s16")
    rated_a = rated_w / PHASE_V
    reactive_var = math.sqrt(1 - RATED_POWER_FACTOR**2) * rated_w
    return {
        "DERTyp": 4,
        "WRtg": rated_w,
        "WRtg_SF": exponent,
        "VARtg": rated_w,
        "VARtg_SF": exponent,
        "VArRtgQ1": reactive_var,
        "VArRtgQ2": reactive_var,
        "VArRtgQ3": -reactive_var,
        "VArRtgQ4": -reactive_var,
        "VArRtg_SF": exponent,
        "ARtg": rated_a,
        "ARtg_SF": exponent_for(rated_a, "u16"),
        "PFRtgQ1": RATED_POWER_FACTOR,
        "PFRtgQ2": RATED_POWER_FACTOR,
        "PFRtgQ3": -RATED_POWER_FACTOR,
        "PFRtgQ4": -RATED_POWER_FACTOR,
        "PFRtg_SF": -2,
    }


def settings_content(rated_w: float) -> Content:
    """Model 121: the same as the nameplate, at 230 V and 50 Hz."""
    exponent = exponent_for(rated_w, "s16")
    return {
        "WMax": rated_w,
        "WMax_SF": exponent,
        "VRef": PHASE_V,
        "VRef_SF": -1,
        "VRefOfs": 0,
        "VRefOfs_SF": 0,
        "VAMax": rated_w,
        "VAMax_SF": exponent,
        "ECPNomHz": 50,
        "ECPNomHz_SF": 0,
    }


_CONNECTED_AND_AVAILABLE = 0b111
"""Connected, available and operating."""


def status_content(values: Values) -> Content:
    """Model 122."""
    return {
        "PVConn": _CONNECTED_AND_AVAILABLE,
        "StorConn": _CONNECTED_AND_AVAILABLE if "soc" in values else 0,
        "ECPConn": 1,
        "ActWh": 1000 * values["energy_kwh"],
    }


_RESTING, _DISCHARGING, _CHARGING = 6, 3, 4
"""States of a storage: holding, discharging, charging."""


def storage_content(values: Values, rated_w: float) -> Content:
    """Model 124, without what commands it."""
    power_kw = values["active_power_kw"]
    return {
        "WChaMax": rated_w,
        "WChaMax_SF": exponent_for(rated_w, "s16"),
        "WChaGra": 100,
        "WDisChaGra": 100,
        "WChaDisChaGra_SF": 0,
        "ChaState": 100 * values.get("soc", math.nan),
        "ChaState_SF": -2,
        "ChaSt": _DISCHARGING if power_kw > 0 else _CHARGING if power_kw < 0 else _RESTING,
        "InOutWRte_SF": -2,
    }


_STRING_V = 600.0
"""A usual voltage of strings and high-voltage batteries."""

STORAGE_TRACKERS = (3, 4)
"""Of four modules, those of the battery: the first has what goes in, the second what comes out."""


def trackers_content(values: Values, rated_w: float, count: int) -> Content:
    """Model 160: PV shared by the first modules, and of four the last two for a battery, in and out."""
    exponent = exponent_for(2 * rated_w, "u16")
    content: dict[str, float | str] = {"DCA_SF": -2, "DCV_SF": -1, "DCW_SF": exponent, "DCWH_SF": 1, "N": count}
    power_w = 1000 * values["active_power_kw"]
    has_storage = "soc" in values
    pv_w = 0.0 if has_storage else max(power_w, 0.0)
    shown_w = {1: pv_w / 2, 2: pv_w / 2}
    if has_storage:
        shown_w |= {3: max(-power_w, 0.0), 4: max(power_w, 0.0)}
    for number in range(1, count + 1):
        dc_w = shown_w.get(number, 0.0)
        content |= {
            f"{number}ID": number,
            f"{number}IDStr": f"{'Storage' if number in STORAGE_TRACKERS else 'String'} {number}",
            f"{number}DCA": dc_w / _STRING_V,
            f"{number}DCV": _STRING_V,
            f"{number}DCW": dc_w,
        }
    return content
