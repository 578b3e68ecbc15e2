"""Whole SunSpec blocks around vendors' profiles, walked, read and controlled by pysunspec2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from sunspec_device import SunspecDevice

from config.point_spec import ModbusPoint
from simulators.servers.sunspec_block import LAYOUTS
from simulators.servers.sunspec_models import BASE, MARKER

VENDORS = 64_000
"""From here on models belong to vendors."""

Serve = Callable[[str], Awaitable[SunspecDevice]]


def ids_of(device: Any) -> list[int]:
    return [each.model_id for each in device.model_list]


@pytest.mark.parametrize("profile", LAYOUTS)
async def test_a_client_walks_every_block(serve_sunspec: Serve, profile: str) -> None:
    inverter = await serve_sunspec(profile)
    seen = await inverter.look(ids_of)
    # it knows no model of a single vendor, and walks on behind it
    assert seen == [each.id for each in LAYOUTS[profile] if each.id < VENDORS]


@pytest.mark.parametrize("profile", LAYOUTS)
def test_what_a_profile_names_stands_where_its_models_have_it(profile: str) -> None:
    places: set[int] = set()
    start = BASE + len(MARKER)
    factors: dict[int, int] = {}
    for each in LAYOUTS[profile]:
        at = {field.name: start + field.offset for field in each.fields}
        places |= {at[field.name] for field in each.fields if field.kind != "p"}
        factors |= {at[field.name]: at[field.scale_factor] for field in each.fields if field.scale_factor}
        start += 2 + each.length
    for point in SunspecDevice(profile).points:
        source = point.source
        assert isinstance(source, ModbusPoint)
        for address in (source.address, *source.plus, *source.minus):
            assert address in places
            assert factors.get(address) == source.scale_factor


def spoken(device: Any) -> Iterator[tuple[int, Any]]:
    """Every point of every model with its model's id, those of repeated groups too."""
    for each in device.model_list:
        groups = [
            each,
            *(group for part in each.groups.values() for group in (part if isinstance(part, list) else [part])),
        ]
        yield from ((each.model_id, point) for group in groups for point in group.points.values())


UNIMPLEMENTED_COUNTERS = ("acc32", "acc64")
"""Their "not implemented" is 0, which a counter may be."""


@pytest.mark.parametrize("profile", LAYOUTS)
async def test_what_is_not_implemented_says_so_and_what_is_has_its_scale(serve_sunspec: Serve, profile: str) -> None:
    inverter = await serve_sunspec(profile)

    def at(device: Any) -> tuple[int, list[str], list[str]]:
        said, silent, lame = 0, [], []
        for model_id, point in spoken(device):
            name = f"{model_id}.{point.pdef['name']}"
            if point.value is None:
                silent.append(name)
            elif point.sf is not None and point.cvalue is None and point.pdef["type"] not in UNIMPLEMENTED_COUNTERS:
                lame.append(name)
            else:
                said += 1
        return said, silent, lame

    said, silent, lame = await inverter.look(at)
    assert lame == []
    assert said > 30
    # nothing is made up: these are of functions that no profile has, or of what nobody measures
    known = {"103.TmpSnk", "120.WHRtg", "121.VMax", "123.OutPFSet_WinTms", "124.MinRsvPct", "203.TotVAh_SF"}
    known |= {"701.TmpAmb", "702.ReactSusceptRtg", "704.PFWInjEna", "713.WHRtg", "714.Tmp", "715.ControllerHb"}
    models = {str(each.id) for each in LAYOUTS[profile]}
    assert {name for name in known if name.partition(".")[0] in models} <= set(silent)


async def test_a_client_reads_the_fronius_battery(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("fronius_gen24_battery")

    def at(device: Any) -> Any:
        dc = device.models[160][0]
        modules = [(module.ID.value, module.DCW.cvalue) for module in dc.groups["module"]]
        storage, ac = device.models[124][0], device.models[103][0]
        return modules, storage.ChaState.cvalue, storage.ChaSt.value, storage.WChaMax.cvalue, ac.W.cvalue, dc.N.value

    modules, charge, state, most, ac_w, count = await inverter.look(at)
    assert modules == [(1, 0), (2, 0), (3, 12_500), (4, 0)]
    assert (charge, state, most, ac_w, count) == (62.5, 4, 50_000, -12_500, 4)


async def test_a_client_reads_the_fronius_meter(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("fronius_meter")

    def at(device: Any) -> Any:
        meter = device.models[203][0]
        return [getattr(meter, name).cvalue for name in ("W", "WphA", "PhV", "Hz", "TotWhImp", "TotWhExp")]

    seen = await inverter.look(at)
    # the profile believes up to 20 MW, which 16 bits show in steps of a kilowatt
    assert seen[0] == pytest.approx(-12_500, abs=1000)
    assert seen[1] == pytest.approx(-12_500 / 3, abs=1000)
    assert seen[2:4] == [pytest.approx(231, abs=0.1), pytest.approx(49.98, abs=0.01)]
    assert seen[4:] == [pytest.approx(1_234_500, abs=1000), pytest.approx(77_700, abs=1000)]


@pytest.mark.parametrize("profile", ["sunspec_storage_124", "fronius_gen24_battery"])
@pytest.mark.parametrize(
    ("mode", "out_pct", "in_pct", "wanted_kw"),
    [
        (3, 40, -40, 20),  # exactly this
        (3, -40, 40, -20),
        (2, -30, 0, -15),  # a highest discharge below nothing is a lowest charge
        (1, 0, -30, 15),
        (3, 80, 60, 0),  # room both ways: the battery rests
    ],
)
async def test_a_client_commands_a_storage(
    serve_sunspec: Serve, profile: str, mode: int, out_pct: float, in_pct: float, wanted_kw: float
) -> None:
    inverter = await serve_sunspec(profile)

    def command(device: Any) -> Any:
        storage = device.models[124][0]
        storage.InOutWRte_RvrtTms.value = 30
        storage.ChaGriSet.value = 1
        storage.OutWRte.cvalue = out_pct
        storage.InWRte.cvalue = in_pct
        storage.StorCtl_Mod.value = mode
        storage.write()
        storage.read()
        return storage.StorCtl_Mod.value, storage.OutWRte.cvalue, storage.InWRte.cvalue, storage.InOutWRte_RvrtTms.value

    assert await inverter.look(command) == (mode, out_pct, in_pct, 30)
    assert inverter.commands[-1] == pytest.approx(wanted_kw)
    inverter.now_s = 29.9
    inverter.watchdog.check()
    assert inverter.commands[-1] is not None
    inverter.now_s = 30.0
    inverter.watchdog.check()
    assert inverter.commands[-1] is None
    rest = await inverter.look(
        lambda device: (device.models[124][0].StorCtl_Mod.value, device.models[124][0].OutWRte.cvalue)
    )
    assert rest == (0, 0)


async def test_a_client_limits_the_fronius_inverter_for_as_long_as_it_says(serve_sunspec: Serve) -> None:
    inverter = await serve_sunspec("fronius_gen24")

    def limit(device: Any) -> None:
        controls = device.models[123][0]
        controls.WMaxLimPct.cvalue = 60
        controls.WMaxLimPct_RvrtTms.value = 40
        controls.write()
        assert inverter.commands == []
        controls.WMaxLim_Ena.value = 1
        controls.write()

    await inverter.look(limit)
    assert inverter.commands == [30.0]
    inverter.now_s = 40.0
    inverter.watchdog.check()
    assert inverter.commands == [30.0, None]
