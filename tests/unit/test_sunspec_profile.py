"""Profiles made from discovered models: addresses that a reader can add up, and data that validates as a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import config
from config.loader import load_profile
from config.point import points_of
from config.point_spec import ModbusPoint
from config.points import NEEDS, STANDARD_POINTS
from config.profile import ModbusProfile, parameters_used
from config.references import loose_ends
from drivers.driver import Setpoint
from drivers.register_writes import Write, writes_of
from drivers.sunspec import Discovered, FoundModel
from drivers.sunspec_models import MODELS
from drivers.sunspec_profile import Suggestion, profiles_of
from parkgrid.probe_modbus import UnitFound, profile_text

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
    (1, 701, 702, 703, 704, 712, 713, 714, 715),
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


def test_a_battery_of_model_124_is_told_both_its_rates() -> None:
    """103 at 40070, 124 behind its 52 registers at 40122; 80 kW of 500 kW are 16.0 %."""
    made = made_from(1, 103, 124)["storage"]
    points = points_of("device", ModbusProfile.model_validate(made.profile), PARAMETERS)
    (point,) = (point for point in points if point.name == "power_setpoint_kw")
    wrapped = 0x10000 - 160
    for value, rates in ((80, (160, wrapped)), (-80, (wrapped, 160)), (0, (0, 0))):
        assert writes_of(Setpoint(point=point, value=value), {40147: -1}) == [
            Write(40137, (120,)),  # two minutes after nobody renewed it both rates fall away
            Write(40139, (1,)),  # charging from the grid is allowed
            Write(40134, rates),  # at most, and at least the other way
            Write(40127, (3,)),  # both in force
        ]
    assert any("may charge from the grid" in remark for remark in made.remarks)
    assert any("whole inverter" in remark for remark in made.remarks)


def test_a_battery_of_model_124_without_its_extras() -> None:
    found = device(1, 103, 124)
    said = {"InOutWRte_RvrtTms": None, "ChaGriSet": None, "OutWRte": 100.0}
    made = {one.role: one for one in profiles_of(found, {found.models[2]: said})}["storage"]
    setpoint = points_in(made)["power_setpoint_kw"]["setpoint"]
    assert "before" not in setpoint
    assert "revert_s" not in setpoint
    assert any("they outlive the controller" in remark for remark in made.remarks)
    ModbusProfile.model_validate(made.profile)


def test_the_battery_of_a_fronius_hybrid_is_in_its_last_two_modules() -> None:
    """160 at 2 with four modules from 12 on: charging in the third, discharging in the fourth, DCW at 11 in each."""
    models = (FoundModel(160, 2, 8 + 4 * 20), FoundModel(103, 92, 50), FoundModel(124, 144, 24))
    made = {one.role: one for one in profiles_of(Discovered(base=0, models=models, manufacturer="Fronius"))}
    power = points_in(made["storage"])["active_power_kw"]
    assert (power["address"], power["minus"], power["scale_factor"]) == (83, [63], 6)
    inverter = points_in(made["inverter"])
    assert {name for name in inverter if name.startswith("dc_")} == {"dc_1_power_kw", "dc_2_power_kw"}
    other = {one.role: one for one in profiles_of(Discovered(base=0, models=models, manufacturer="Other"))}
    assert points_in(other["storage"])["active_power_kw"]["address"] == 106
    assert "dc_4_power_kw" in points_in(other["inverter"])


def test_local_control_makes_a_device_unavailable_and_refuses_writing() -> None:
    """LocRemCtl 0 is remote: 1 = 1 - 0 is available."""
    made = made_from(701, 704, 713, 715)["storage"]
    point = points_in(made)["available"]
    assert (point["scale"], point["offset"], point["valid"]) == (-1.0, 1.0, [0, 1])
    conditions = points_in(made)["power_setpoint_kw"]["setpoint"]["only_when"]
    assert conditions == [
        {"address": point["address"], "values": [0], "otherwise": "the device is under local control"}
    ]
    inverter = points_in(made_from(701, 704, 715)["inverter"])
    (condition,) = inverter["power_limit_kw"]["setpoint"]["only_when"]
    assert condition["address"] == inverter["available"]["address"]


def test_heartbeats_of_both_models_are_counted_every_second() -> None:
    """701 at 2, 704 at 157, 713 at 224, 715 at 233 with ControllerHb at 5, 802 at 242 with CtrlHb at 19."""
    made = made_from(701, 704, 713, 715, 802, base=0)["storage"]
    assert made.profile["heartbeats"] == [
        {"address": 238, "type": "u32", "period_s": 1},
        {"address": 261, "type": "u16", "period_s": 1},
    ]
    assert len(points_in(made)["power_setpoint_kw"]["setpoint"]["only_when"]) == 2
    found = device(1, 701, 704, 715)
    (without,) = profiles_of(found, {found.models[3]: {"ControllerHb": None, "LocRemCtl": None}})
    assert "heartbeats" not in without.profile
    assert "only_when" not in points_in(without)["power_limit_kw"]["setpoint"]


def test_a_kaco_gridsave_reads_like_the_profile_that_comes_along() -> None:
    found = device(1, 103, 121, 64201, manufacturer="KACO new energy")
    made = {one.role: one for one in profiles_of(found)}["storage"]
    ours = ModbusProfile.model_validate(made.profile)
    shipped = load_profile(Path(config.__file__).parent / "profiles" / "kaco_gridsave.yaml")
    assert isinstance(shipped, ModbusProfile)
    assert ours.heartbeats == shipped.heartbeats
    assert ours.points["active_power_kw"] == shipped.points["active_power_kw"]
    made_up, by_hand = ours.points["power_setpoint_kw"], shipped.points["power_setpoint_kw"]
    assert by_hand.setpoint is not None
    # the shipped one only assumes its addresses, so it looks whether the model is there
    assert [(each.address, each.values) for each in by_hand.setpoint.only_when] == [(40154, (64201,))]
    assumed = by_hand.setpoint.model_copy(update={"only_when": ()})
    assert made_up == by_hand.model_copy(update={"setpoint": assumed})
    assert any("no state of charge" in remark for remark in made.remarks)
    # under the same number another vendor may have something else
    assert list(made_from(1, 103, 121, 64201)) == ["inverter"]


@pytest.mark.parametrize(
    ("role", "shipped", "lengths"),
    [
        ("storage", "sunspec_storage_124", {}),
        ("inverter", "fronius_gen24", {1: 65}),
        ("storage", "fronius_gen24_battery", {1: 65}),
        ("meter", "fronius_meter", {1: 65}),
    ],
)
def test_the_shipped_profiles_have_the_addresses_that_discovery_finds(
    role: str, shipped: str, lengths: dict[int, int]
) -> None:
    layout = {"sunspec_storage_124": (1, 103, 120, 123, 124), "fronius_meter": (1, 203)}
    ids = layout.get(shipped, (1, 103, 120, 121, 122, 123, 160, 124))
    models, address = [], 40002
    for model_id in ids:
        length = lengths.get(model_id, MODELS[model_id].length) + (4 * 20 if model_id == 160 else 0)
        models.append(FoundModel(model_id, address, length))
        address += 2 + length
    manufacturer = "Fronius" if shipped.startswith("fronius") else ""
    found = Discovered(base=40000, models=tuple(models), manufacturer=manufacturer)
    made = {one.role: one for one in profiles_of(found)}[role]
    ours = ModbusProfile.model_validate(made.profile).points
    profile = load_profile(Path(config.__file__).parent / "profiles" / f"{shipped}.yaml")
    theirs = profile.points
    compared = set(ours) & set(theirs) - ({"active_power_kw"} if role == "inverter" else set())
    assert len(compared) >= 3
    for name in compared:
        by_hand = theirs[name]
        assert isinstance(by_hand, ModbusPoint)
        assert registers_in(ours[name]) == registers_in(by_hand), name


def registers_in(point: ModbusPoint) -> object:
    """Everything that says where and how, without what a person may judge otherwise."""
    setpoint = point.setpoint
    told = None if setpoint is None else (setpoint.before, setpoint.also, setpoint.arm, setpoint.together)
    return (point.address, point.type, point.plus, point.minus, point.scale, point.scale_factor, point.sentinels, told)


@pytest.mark.parametrize("ids", [(1, 103, 124), (1, 103, 121, 64201), (1, 701, 704, 713, 715, 802)], ids=str)
def test_a_suggested_file_says_what_was_suggested(ids: tuple[int, ...], tmp_path: Path) -> None:
    found = device(*ids, manufacturer="KACO new energy")
    made = {one.role: one for one in profiles_of(found)}["storage"]
    unit = UnitFound(unit=1, answers=True, sunspec=found, values={}, suggestions=(made,), reason="")
    path = tmp_path / "suggested.yaml"
    path.write_text(profile_text(unit, made), encoding="utf-8")
    assert load_profile(path) == ModbusProfile.model_validate(made.profile)


def test_ports_of_model_714_have_their_power() -> None:
    """701 at 2, 714 at 157 with two ports of 25 registers from 177 on, DCW at 12 in each."""
    (made,) = profiles_of(Discovered(base=0, models=(FoundModel(701, 2, 153), FoundModel(714, 157, 18 + 2 * 25))))
    ports = [points_in(made)[f"dc_{number}_power_kw"] for number in (1, 2)]
    assert [(port["address"], port["scale_factor"], port["type"]) for port in ports] == [
        (189, 174, "s16"),
        (214, 174, "s16"),
    ]


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
