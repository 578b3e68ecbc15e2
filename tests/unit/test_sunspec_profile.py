"""Profiles made from discovered models: addresses that a reader can add up, and data that validates as a profile."""

from __future__ import annotations

from typing import Any

import pytest

from config.point import points_of
from config.points import NEEDS, STANDARD_POINTS
from config.profile import ModbusProfile, parameters_used
from config.references import loose_ends
from drivers.sunspec import Discovered, FoundModel
from drivers.sunspec_models import MODELS
from drivers.sunspec_profile import Suggestion, profiles_of

PARAMETERS = {"rated_power_kw": 500.0, "safe_power_kw": 100.0}


def device(*ids: int, base: int = 40000, **said: Any) -> Discovered:
    """A device with these models one behind the other, all of the standard's length."""
    models, address = [], base + 2
    for model_id in ids:
        length = MODELS[model_id].length + (2 * 20 if model_id == 160 else 0)
        models.append(FoundModel(model_id, address, length))
        address += 2 + length
    return Discovered(base=base, models=tuple(models), **said)


def made_from(*ids: int, base: int = 40000) -> dict[str, Suggestion]:
    return {made.role: made for made in profiles_of(device(*ids, base=base))}


def points_in(made: Suggestion) -> dict[str, Any]:
    points: dict[str, Any] = made.profile["points"]
    return points


EVERYTHING = [
    (1, 101, 120, 121, 122, 123),
    (1, 102),
    (1, 103, 160, 123),
    (1, 111, 123),
    (1, 113, 120, 123, 124),
    (1, 103, 802, 124),
    (1, 701, 702, 703, 704),
    (1, 701, 702, 703, 704, 713, 715, 802),
    (1, 802),
    *((1, meter) for meter in (201, 202, 203, 204, 211, 212, 213)),
    (1, 103, 120, 123, 1, 203, 1, 213),
]


@pytest.mark.parametrize("ids", EVERYTHING, ids=str)
@pytest.mark.parametrize("base", [40000, 0, 50000])
def test_every_suggestion_is_a_profile_that_holds_together(ids: tuple[int, ...], base: int) -> None:
    made = made_from(*ids, base=base)
    assert made
    for one in made.values():
        profile = ModbusProfile.model_validate(one.profile)
        assert profile.verified is False
        assert parameters_used(profile) <= set(profile.parameters)
        for point in points_of("device", profile, PARAMETERS):
            assert list(loose_ends(point, profile.points)) == []
            assert point.name in STANDARD_POINTS or point.name.startswith("dc_")


@pytest.mark.parametrize(
    ("ids", "roles"),
    [
        ((1, 103, 123), ["inverter"]),
        ((1, 103, 123, 124), ["inverter", "storage"]),
        ((1, 701, 704), ["inverter"]),
        ((1, 701, 704, 713), ["storage"]),
        ((1, 203), ["meter"]),
        ((1, 103, 1, 203, 1, 204), ["inverter", "meter", "meter_2"]),
        ((1, 120, 122), []),
    ],
)
def test_what_a_device_is(ids: tuple[int, ...], roles: list[str]) -> None:
    assert list(made_from(*ids)) == roles


@pytest.mark.parametrize(
    ("kind", "role", "ids"),
    [
        ("grid_connection", "meter", (1, 203)),
        ("grid_connection", "meter", (1, 213)),
        ("pv_plant", "inverter", (1, 113, 123)),
        ("pv_plant", "inverter", (1, 701, 704)),
        ("battery", "storage", (1, 103, 124)),
        ("battery", "storage", (1, 701, 704, 713)),
    ],
)
def test_an_asset_finds_what_it_needs(kind: str, role: str, ids: tuple[int, ...]) -> None:
    points = points_in(made_from(*ids)[role])
    needs = NEEDS[kind]
    assert set(needs.required) <= set(points)
    if needs.setpoint is not None:
        assert "setpoint" in points[needs.setpoint]


def test_a_float_inverter_has_no_scale_factors() -> None:
    """113 lies behind the 2 + 68 registers of marker and common model; its W has offset 22."""
    points = points_in(made_from(1, 113, 123)["inverter"])
    low, high = "-0.02 * rated_power_kw", "1.1 * rated_power_kw"
    assert points["active_power_kw"] == {"address": 40092, "type": "f32", "scale": 0.001, "valid": [low, high]}
    # model 123 follows the 2 + 60 registers of 113, at 40132
    assert points["power_limit_kw"]["address"] == 40137
    assert points["power_limit_kw"]["setpoint"]["arm"] == [
        {"address": 40139, "type": "u16", "value": 120},
        {"address": 40141, "type": "u16", "value": 1},
    ]


def test_a_battery_of_the_new_models_falls_to_0_kw_when_left_alone() -> None:
    """701 at 2, 704 behind its 155 registers at 157; WSet has offset 24, its scale factor 55."""
    point = points_in(made_from(701, 704, 713, base=0)["storage"])["power_setpoint_kw"]
    assert (point["address"], point["type"], point["scale_factor"], point["scale"]) == (181, "s32", 212, 0.001)
    assert [(arm["address"] - 157, arm["type"], arm["value"]) for arm in point["setpoint"]["arm"]] == [
        (23, "u16", 1),  # in watts
        (26, "s32", 0),  # and then to 0 W,
        (30, "u16", 1),  # which holds,
        (31, "u32", 120),  # two minutes after nobody renewed it
        (22, "u16", 1),  # in force
    ]
    assert (point["setpoint"]["revert_s"], point["setpoint"]["refresh_s"]) == (120, 60)


def test_a_battery_of_model_124_is_charged_by_a_negative_discharge_rate() -> None:
    made = made_from(1, 103, 124)["storage"]
    point = points_in(made)["power_setpoint_kw"]
    # 103 at 40070, 124 behind its 52 registers at 40122
    assert (point["address"], point["scale_factor"], point["scale"]) == (40134, 40147, "0.01 * rated_power_kw")
    assert [(arm["address"] - 40122, arm["value"]) for arm in point["setpoint"]["arm"]] == [(15, 120), (17, 1), (5, 2)]
    assert any("only the discharge rate is written" in remark for remark in made.remarks)
    assert any("whole inverter" in remark for remark in made.remarks)


def test_local_control_makes_a_device_unavailable() -> None:
    """LocRemCtl 0 is remote: 1 = 1 - 0 is available."""
    made = made_from(701, 704, 713, 715)["storage"]
    point = points_in(made)["available"]
    assert (point["scale"], point["offset"], point["valid"]) == (-1.0, 1.0, [0, 1])
    assert any("ControllerHb" in remark for remark in made.remarks)


def test_without_the_registers_that_arm_it_nothing_is_written() -> None:
    """A model 123 of 8 registers ends before WMaxLim_Ena."""
    short = Discovered(base=0, models=(FoundModel(103, 2, 50), FoundModel(123, 54, 7)))
    (made,) = profiles_of(short)
    assert "power_limit_kw" not in points_in(made)
    assert "safe_power_kw" not in made.profile["parameters"]
    assert made.remarks == ("there is no model 123 or 704: the power cannot be limited",)


def test_what_the_device_says_of_itself_stands_in_the_profile() -> None:
    found = device(1, 103, 121, 123, manufacturer="Sun & Co", model="Inverter 7", ended="no end marker at 40200")
    settings = found.models[2]
    (made,) = profiles_of(found, {settings: {"WMax": 250000.0}})
    assert made.profile["description"] == (
        "Sun & Co Inverter 7, SunSpec inverter, block at 40000, models 103, 121, 123"
    )
    assert made.profile["parameters"]["rated_power_kw"].endswith("; the device says 250")
    assert made.remarks == ("the walk through the models ended early: no end marker at 40200",)


def test_what_is_not_implemented_is_left_out_where_nothing_needs_it() -> None:
    found = device(1, 203)
    (made,) = profiles_of(found, {found.models[1]: {"W": None, "PhV": None, "Hz": 50.0}})
    # at night an inverter says nothing of its power either: what an asset needs stays
    assert {"active_power_kw", "frequency_hz", "energy_import_kwh"} <= set(points_in(made))
    assert not {"voltage_v", "reactive_power_kvar"} & set(points_in(made))
    delta = points_in(made_from(1, 204)["meter"])
    assert "voltage_v" not in delta


def test_each_module_has_its_power() -> None:
    """160 at 2: its first module begins at 12, the second at 32, DCW has offset 11 in there."""
    points = points_in(made_from(160, 103, base=0)["inverter"])
    assert (points["dc_1_power_kw"]["address"], points["dc_2_power_kw"]["address"]) == (23, 43)
    assert points["dc_1_power_kw"]["scale_factor"] == points["dc_2_power_kw"]["scale_factor"] == 6
