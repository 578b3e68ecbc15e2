"""Loads that wait, come and go or are left out, the transformer, and how heat is handed on, worked out by hand."""

from __future__ import annotations

import pytest

from config.assets import HeatPump, HotWaterTank
from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob, Transformer
from config.thermal_assets import HeatExchanger, WasteHeatBoiler
from simulators.bus import Bus
from simulators.ev_chargers import EvChargersModel, visits_of
from simulators.heat_pump import DEFROST_S, HeatPumpModel
from simulators.load import SheddableLoadModel
from simulators.shiftable_job import ShiftableJobModel
from simulators.tank import TankModel
from simulators.transformer import TransformerModel
from simulators.waste_heat import TransferModel

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def test_a_transformer_loses_with_the_square_of_its_load() -> None:
    spec = Transformer(kind="transformer", device="d", control="local", rated_kva=1000, no_load_kw=2, load_kw=10)
    model = TransformerModel(spec)
    # 300 kW and 400 kvar are 500 kVA: 2 + 10 / 4
    assert model.step(300, 400, HOUR_S) == pytest.approx(4.5)
    assert model.points()["load_share"] == pytest.approx(0.5)
    assert model.step(-1000, 0, HOUR_S) == pytest.approx(12.0)


JOB = ShiftableJob(
    kind="shiftable_job",
    device="d",
    control="local",
    power_kw=100,
    duration_min=120,
    earliest_h=8,
    latest_end_h=16,
)


def run_job(model: ShiftableJobModel, day: int) -> list[float]:
    """The hours of a day at whose end the job runs, in steps of a quarter."""
    hours = []
    for quarter in range(1, 97):
        model.step(day * DAY_S + quarter * 900.0 - 1e-3, 900.0)
        if model.power_kw > 0:
            hours.append(quarter / 4)
    return hours


def test_a_job_starts_by_itself_when_its_window_opens() -> None:
    model = ShiftableJobModel(JOB)
    hours = run_job(model, 100)
    assert hours[0] == pytest.approx(8.25, abs=0.26)
    assert model.account().electricity_used_kwh == pytest.approx(200)


def test_a_job_waits_when_told_to_but_never_too_long() -> None:
    model = ShiftableJobModel(JOB)
    model.setpoint_kw = model.accept(0.0)
    hours = run_job(model, 100)
    assert hours[0] >= 14.0
    assert model.account().electricity_used_kwh == pytest.approx(200)
    assert model.account().unserved_kwh == 0.0


def test_a_job_whose_device_is_dead_counts_as_unserved_the_next_day() -> None:
    model = ShiftableJobModel(JOB)
    model.running = False
    assert run_job(model, 100) == []
    model.step(101 * DAY_S + 1.0, 1.0)
    assert model.account().unserved_kwh == pytest.approx(200)


CHARGERS = EvChargers(
    kind="ev_chargers",
    device="d",
    control="local",
    stations=40,
    station_kw=11,
    limit_kw=200,
    efficiency=0.9,
)


def test_visits_are_those_of_the_seed_and_fewer_at_weekends() -> None:
    assert visits_of(100, 40, "cars", 1) == visits_of(100, 40, "cars", 1)
    assert visits_of(100, 40, "cars", 1) != visits_of(100, 40, "cars", 2)
    # 1970-01-03 was a Saturday
    saturday = 2 + 7 * 100
    assert len(visits_of(saturday, 400, "cars", 1)) < len(visits_of(saturday + 2, 400, "cars", 1)) / 2


def test_vehicles_get_what_they_need_within_the_limit_of_the_group() -> None:
    model = EvChargersModel(CHARGERS, "cars", 1)
    day = 4 + 7 * 100  # a Monday
    needed_kwh = sum(visit.left_kwh for visit in visits_of(day, 40, "cars", 1)) / 0.9
    highest_kw = 0.0
    for minute in range(24 * 60):
        model.step(day * DAY_S + minute * 60.0, 60.0)
        highest_kw = max(highest_kw, model.power_kw)
    account = model.account()
    assert highest_kw == pytest.approx(200)
    assert account.electricity_used_kwh + account.unserved_kwh == pytest.approx(needed_kwh)
    assert account.unserved_kwh < 0.1 * needed_kwh


def test_a_limit_of_zero_leaves_vehicles_without_charge() -> None:
    model = EvChargersModel(CHARGERS, "cars", 1)
    model.setpoint_kw = 0.0
    day = 4 + 7 * 100
    for minute in range(24 * 60):
        model.step(day * DAY_S + minute * 60.0, 60.0)
    assert model.account().electricity_used_kwh == 0.0
    assert model.account().unserved_kwh > 0


def test_a_load_is_limited_and_shed() -> None:
    spec = SheddableLoad(kind="sheddable_load", device="d", control="local", peak_kw=100, shed_order=1)
    model = SheddableLoadModel(spec, 80.0)
    assert model.step(80.0, HOUR_S) == pytest.approx(80)
    model.setpoint_kw = model.accept(20.0)
    assert model.step(80.0, HOUR_S) == pytest.approx(20)
    assert model.power_kw == pytest.approx(20)
    model.shed = True
    assert model.step(80.0, HOUR_S) == 0.0
    account = model.account()
    assert (account.electricity_used_kwh, account.unserved_kwh) == pytest.approx((100, 140))


def test_heat_is_handed_on_only_down_the_temperature() -> None:
    exchanger = TransferModel(
        HeatExchanger(
            kind="heat_exchanger",
            device="d",
            control="local",
            max_heat_kw=100,
            supply_degc=80,
            approach_k=10,
            source_bus="hot",
        )
    )
    assert exchanger.wanted_kwh(89.0, 50.0, HOUR_S) == 0.0
    assert exchanger.wanted_kwh(90.0, 50.0, HOUR_S) == 50.0
    assert exchanger.wanted_kwh(90.0, 500.0, HOUR_S) == 100.0
    assert exchanger.pass_on(60.0, HOUR_S) == 60.0


def test_a_waste_heat_boiler_draws_more_than_it_gives() -> None:
    boiler = TransferModel(
        WasteHeatBoiler(
            kind="waste_heat_boiler",
            device="d",
            control="local",
            max_heat_kw=90,
            efficiency=0.9,
            supply_degc=180,
            approach_k=20,
            source_bus="hot",
        )
    )
    assert boiler.wanted_kwh(300.0, 1000.0, HOUR_S) == pytest.approx(100)
    assert boiler.pass_on(100.0, HOUR_S) == pytest.approx(90)
    account = boiler.account()
    assert (account.heat_used_kwh, account.steam_fed_kwh, account.lost_kwh) == pytest.approx((100, 90, 10))


PUMP = HeatPump(
    kind="heat_pump",
    device="pump",
    max_power_kw=100,
    min_power_kw=30,
    source="air",
    supply_degc=45,
    min_on_s=600,
    min_off_s=300,
    ramp_kw_per_s=1000,
    start_s=60,
)


def step(pump: HeatPumpModel, outdoor_degc: float, dt_s: float = 10.0) -> tuple[float, float]:
    return pump.step(source_degc=outdoor_degc, outdoor_degc=outdoor_degc, soc=0.5, missing_heat_kw=0.0, dt_s=dt_s)


def test_a_heat_pump_takes_its_time_to_start_and_to_stop() -> None:
    pump = HeatPumpModel(PUMP)
    pump.setpoint_kw = 100.0
    for _ in range(6):
        assert step(pump, 10.0) == (0.0, 0.0)
    step(pump, 10.0)
    assert pump.power_kw == 100.0
    pump.setpoint_kw = 0.0
    for _ in range(40):
        step(pump, 10.0)
    assert pump.power_kw == 30.0, "its least time on is not over"
    for _ in range(30):
        step(pump, 10.0)
    assert pump.power_kw == 0.0


@pytest.mark.parametrize(("outdoor_degc", "defrosts"), [(1.0, True), (12.0, False), (-15.0, False)])
def test_a_heat_pump_defrosts_near_zero_degrees(outdoor_degc: float, defrosts: bool) -> None:
    pump = HeatPumpModel(PUMP)
    pump.setpoint_kw = 100.0
    without_heat_s = 0.0
    for _ in range(600):
        used_kwh, heat_kwh = step(pump, outdoor_degc)
        if used_kwh > 0 and heat_kwh == 0:
            without_heat_s += 10.0
    # an hour of running, a defrost, and forty minutes more
    assert without_heat_s == pytest.approx(DEFROST_S if defrosts else 0.0, abs=20)


def layered(soc: float) -> TankModel:
    return TankModel(
        HotWaterTank(
            kind="hot_water_tank",
            device="tank",
            capacity_kwh=1000,
            loss_per_h=0.0,
            max_charge_kw=1000,
            max_discharge_kw=1000,
            soc_min=0,
            soc_max=1,
            low_degc=40,
            high_degc=80,
            layers=10,
        ),
        soc,
    )


def test_a_layered_tank_supplies_hot_water_while_it_is_half_full() -> None:
    tank = layered(0.5)
    assert (tank.top_degc, tank.bottom_degc) == (80.0, 40.0)
    for _ in range(60):
        tank.step(-300 / 60, 60.0)
    assert tank.soc == pytest.approx(0.2)
    # a mixed tank would be at 48 degC
    assert tank.top_degc > 70
    for _ in range(60):
        tank.step(-200 / 60, 60.0)
    assert tank.soc == pytest.approx(0.0, abs=1e-6)
    assert tank.top_degc == pytest.approx(40.0, abs=2.0)


def test_a_layered_tank_holds_what_its_layers_hold() -> None:
    tank = layered(0.3)
    for step_kwh in (5.0, -3.0, 8.0, -12.0, 20.0) * 20:
        tank.step(step_kwh, 60.0)
        assert tank.stored_kwh == pytest.approx(1000 * sum(tank._heat) / 10, abs=1e-6)


def test_a_bus_shares_out_what_it_misses_and_counts_what_it_throws_away() -> None:
    class Load:
        served_kwh = 0.0

        def serve(self, wanted_kwh: float, served: float, source_degc: float) -> None:
            self.served_kwh = wanted_kwh * served

    bus, one, two = Bus("steam", "steam", 180.0), Load(), Load()
    bus.begin()
    bus.want(one, 30.0, 30.0)
    bus.want(two, 10.0, 10.0)
    bus.feed(20.0, 20.0, 190.0)
    assert bus.missing_kw == 20.0
    bus.settle(HOUR_S)
    assert (one.served_kwh, two.served_kwh, bus.surplus_kwh, bus.degc) == (15.0, 5.0, 0.0, 190.0)
    bus.begin()
    bus.want(one, 30.0, 30.0)
    bus.feed(50.0, 50.0, 190.0)
    assert bus.draw(100.0, 100.0, HOUR_S) == 20.0, "converters get what the loads leave"
    bus.settle(HOUR_S)
    assert (one.served_kwh, bus.surplus_kwh) == (30.0, 0.0)
    bus.begin()
    bus.feed(50.0, 50.0)
    bus.settle(HOUR_S)
    assert bus.surplus_kwh == 50.0


def test_a_job_that_may_be_interrupted_stands_still_while_there_is_time() -> None:
    spec = ShiftableJob(
        kind="shiftable_job",
        device="d",
        power_kw=60,
        duration_min=60,
        earliest_h=8,
        latest_end_h=12,
        interruptible=True,
    )
    model = ShiftableJobModel(spec)
    used_kwh = 0.0
    for minute in range(24 * 60):
        # told to run from nine to half past nine, and then to wait for ever
        model.setpoint_kw = 60.0 if 9 * 60 <= minute < 9 * 60 + 30 else 0.0
        used_kwh += model.step((minute + 1) * 60.0, 60.0)
        if minute in (8 * 60 + 30, 10 * 60):
            assert model.power_kw == 0
    assert used_kwh == pytest.approx(60)
