"""The simulated devices' own tables of SunSpec models against the standard's files, as pysunspec2 brings them along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sunspec2.device

from config.point_spec import ModbusPoint
from config.site import Site
from simulators.servers.sunspec import SunspecInverter, SunspecMeter
from simulators.servers.sunspec_block import LAYOUTS
from simulators.servers.sunspec_models import MODELS, SHORT_COMMON, Model, start_of, trackers

VENDORS = 64000
"""Models from here on are their vendors' own."""

KINDS = {
    "string": "s",
    "uint16": "u",
    "count": "u",
    "uint32": "U",
    "uint64": "Q",
    "int16": "i",
    "int32": "I",
    "enum16": "e",
    "bitfield16": "B",
    "bitfield32": "b",
    "acc32": "a",
    "acc64": "A",
    "sunssf": "f",
    "pad": "p",
}

STANDING = [*MODELS.values(), trackers(2)]
"""Models of the devices that are simulated without a layout of their profile."""

LAID_OUT = [
    (profile, each)
    for profile, models in LAYOUTS.items()
    for each in models
    if each.id < VENDORS and each is not SHORT_COMMON
]


def standard(group: dict[str, Any], model: Model) -> Iterator[tuple[str, str, int, str | None]]:
    """Name, kind, registers and scale factor of every point after id and length, as the standard orders them."""
    points = [point for point in group["points"] if point["name"] not in ("ID", "L") or "count" in group]
    for point in points:
        yield point["name"], KINDS[point["type"]], int(point["size"]), point.get("sf")
    for inner in group.get("groups", ()):
        count = sum(field.name.endswith("IDStr") for field in model.fields) if "count" in inner else 1
        for number in range(1, count + 1):
            for name, *rest in standard(inner, model):
                yield (f"{number}{name}" if "count" in inner else f"{inner['name']}.{name}", *rest)


@pytest.mark.parametrize("model", STANDING, ids=lambda model: str(model.id))
def test_our_models_are_the_standards(model: Model) -> None:
    ours = [(field.name, field.kind, field.size, field.scale_factor) for field in model.fields]
    assert ours == list(standard(sunspec2.device.get_model_def(model.id)["group"], model))


@pytest.mark.parametrize(("profile", "model"), LAID_OUT, ids=lambda of: of if isinstance(of, str) else str(of.id))
def test_every_point_is_where_the_standard_has_it(profile: str, model: Model) -> None:
    ours = [(field.name, field.kind, field.size, field.scale_factor) for field in model.fields]
    assert ours == list(standard(sunspec2.device.get_model_def(model.id)["group"], model))


def test_the_short_common_model_is_the_standards_without_its_pad() -> None:
    *theirs, pad = standard(sunspec2.device.get_model_def(1)["group"], SHORT_COMMON)
    assert [(field.name, field.kind, field.size, field.scale_factor) for field in SHORT_COMMON.fields] == theirs
    assert pad[0] == "Pad"


@pytest.mark.parametrize(
    ("device", "models", "model", "names"),
    [
        (
            "pv_a_inverter",
            SunspecInverter.models,
            103,
            {"active_power_kw": "W", "energy_kwh": "WH", "status": "St"},
        ),
        ("pv_a_inverter", SunspecInverter.models, 123, {"power_limit_kw": "WMaxLimPct"}),
        (
            "grid_meter",
            SunspecMeter.models,
            203,
            {
                "active_power_kw": "W",
                "voltage_v": "PhV",
                "frequency_hz": "Hz",
                "reactive_power_kvar": "VAR",
                "energy_export_kwh": "TotWhExp",
                "energy_import_kwh": "TotWhImp",
            },
        ),
    ],
)
def test_the_profiles_addresses_are_the_standards(
    demo_site: Site, device: str, models: tuple[int, ...], model: int, names: dict[str, str]
) -> None:
    sources = {point.name: point.source for point in demo_site.points[device]}
    start = start_of(models, model)
    for name, standard in names.items():
        source = sources[name]
        assert isinstance(source, ModbusPoint)
        field = MODELS[model].field(standard)
        assert source.address == start + field.offset
        if field.scale_factor is not None:
            assert source.scale_factor == start + MODELS[model].field(field.scale_factor).offset


def test_the_profiles_arm_registers_are_the_standards(demo_site: Site) -> None:
    (limit,) = (point.source for point in demo_site.points["pv_a_inverter"] if point.name == "power_limit_kw")
    assert isinstance(limit, ModbusPoint)
    assert limit.setpoint is not None
    start = start_of(SunspecInverter.models, 123)
    wanted = [start + MODELS[123].field(name).offset for name in ("WMaxLimPct_RvrtTms", "WMaxLim_Ena")]
    assert [register.address for register in limit.setpoint.arm] == wanted
