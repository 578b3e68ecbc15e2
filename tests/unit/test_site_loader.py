"""A site file is refused at the door, with every fault at its line, in the engineer's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.assets import Battery
from config.connection import ModbusRtuOverTcp, ModbusTcp
from config.document import Fault
from config.loader import SiteError, example_site, example_sites, load_site
from config.site import Site

DEMO = example_site("demo_park").read_text(encoding="utf-8")

Change = Callable[..., Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """Writes the demo site with some texts replaced, each of which stands there."""

    def write(*replacements: tuple[str, str]) -> Path:
        text = DEMO
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "site.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def faults_of(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(SiteError) as caught:
        load_site(path)
    return caught.value.faults


def line_of(path: Path, text: str) -> int:
    """The number of the first line that holds a text."""
    return next(number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if text in line)


@pytest.mark.parametrize("name", example_sites())
def test_every_example_site_loads(name: str) -> None:
    assert load_site(example_site(name)).name == name


def test_the_demo_park_means_what_it_says(demo_site: Site) -> None:
    assert demo_site.grid[0] == "grid"
    assert demo_site.grid[1].import_limit_kw == 3000
    assert list(demo_site.of_kind(Battery)) == ["battery"]
    limit = demo_site.setpoint("pv_a")
    assert limit is not None
    assert (limit.key, limit.setpoint and limit.setpoint.high) == ("pv_a_inverter.power_limit_kw", 1000)
    assert demo_site.setpoint("hall_1") is None
    assert demo_site.point("battery", "soc") is not None
    assert demo_site.point("battery", "irradiance_w_per_m2") is None
    assert len(list(demo_site.all_points())) == sum(len(points) for points in demo_site.points.values())


def test_a_device_that_counts_the_other_way_is_turned_once(demo_site: Site) -> None:
    power = demo_site.point("battery", "active_power_kw")
    assert power is not None
    assert power.sign == -1
    assert power.valid == (-1100, 1100)


def test_nothing_changes_after_loading(demo_site: Site) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        demo_site.grid[1].import_limit_kw = 9e9  # type: ignore[misc]


def test_five_faults_are_reported_at_once_with_their_lines(changed: Change) -> None:
    path = changed(
        ("latitude: 30.25", "latitude: 300.25"),
        ("connection: wind_opcua", "connection: wind_ocpua"),
        ("    capacity_kwh: 2000\n", ""),
        ("soc_min: 0.05", "soc_min: 0.99"),
        ("import_limit_kw: 3000", "import_limit: 3000"),
    )
    seen = {(fault.line, fault.where) for fault in faults_of(path)}
    assert seen == {
        (line_of(path, "latitude:"), "location.latitude"),
        (line_of(path, "wind_ocpua"), "devices.wind_controller.connection"),
        (line_of(path, "import_limit:"), "assets.grid.import_limit"),
        (line_of(path, "  grid:"), "assets.grid.import_limit_kw"),
        (line_of(path, "  battery:"), "assets.battery.capacity_kwh"),
        (line_of(path, "  tank:"), "assets.tank"),
    }


def test_a_fault_prints_file_line_place_and_what_is_allowed(changed: Change) -> None:
    path = changed(("import_limit_kw: 3000", "import_limit_kw: -1"))
    (fault,) = faults_of(path)
    line = line_of(path, "import_limit_kw")
    assert str(fault) == f"site.yaml:{line}: assets.grid.import_limit_kw: is -1, should be greater than 0"


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        (
            "export_limit_kw: 1000",
            "export_limt_kw: 1000",
            "assets.grid.export_limt_kw",
            "did you mean 'export_limit_kw'",
        ),
        (
            "profile: simulated_battery",
            "profile: simulated_batery",
            "devices.battery_pcs.profile",
            "'simulated_battery'",
        ),
        ("[zhejiang_industry_2026]", "[zhejiang_2026]", "tariffs.0", "did you mean 'zhejiang_industry_2026'?"),
        ("device: tank_sensors", "device: tank_sensor", "assets.tank.device", "did you mean 'tank_sensors'?"),
        (
            "connection: battery_tcp",
            "connection: batery",
            "devices.battery_pcs.connection",
            "did you mean 'battery_tcp'?",
        ),
        (
            "connection: battery_tcp",
            "connection: broker",
            "devices.battery_pcs.connection",
            "the profile speaks modbus",
        ),
        ("port: 15023", "port: 15023, transport: rtux", "connections.battery_tcp.transport", "did you mean 'rtu'?"),
        (
            "port: 15023",
            "port: 15023, transport: udp",
            "connections.battery_tcp.transport",
            "known are rtu, rtu_over_tcp, tcp, tls",
        ),
        ("port: 15023", "port: 15023, parity: none", "connections.battery_tcp.parity", "is not a known key"),
        (
            "host: 127.0.0.1, port: 15023",
            "transport: rtu, baudrate: 9600",
            "connections.battery_tcp.baudrate",
            "did you mean 'baud_rate'?",
        ),
        ("host: 127.0.0.1, port: 15023", "transport: rtu", "connections.battery_tcp.serial_port", "is missing"),
        (
            "host: 127.0.0.1, port: 15023",
            "transport: rtu, serial_port: /dev/ttyUSB0, baud_rate: 9601, parity: none",
            "connections.battery_tcp.baud_rate",
            "is 9601, should be 1200, 2400, 4800, 9600",
        ),
        (
            "host: 127.0.0.1, port: 15023",
            "transport: rtu, serial_port: /dev/ttyUSB0, baud_rate: 9600, parity: no",
            "connections.battery_tcp.parity",
            "should be 'none', 'even' or 'odd'",
        ),
        ("port: 15023", "port: 15023, gap_s: -1", "connections.battery_tcp.gap_s", "is -1, should be"),
        (
            "port: 15023",
            "transport: tls, ca_file: demo.pem, key_file: demo.key",
            "connections.battery_tcp",
            "certificate_file and key_file belong together",
        ),
        ("port: 15023", "transport: tls, ca_file: ca.pem", "connections.battery_tcp.ca_file", "there is no file"),
        ("kind: hot_water_tank", "kind: hot_water", "assets.tank.kind", "did you mean 'hot_water_tank'?"),
        ("protocol: opcua", "protocol: opc", "connections.wind_opcua.protocol", "did you mean 'opcua'?"),
        ("{topic: park/hall_1/meter}", "{}", "devices.hall_1_meter.parameters.topic", "is missing"),
        ("{instance: Tank1}", "{instance: T, size: 5}", "devices.tank_sensors.parameters.size", "is not a parameter"),
        ("{instance: Tank1}", '{instance: "{name}"}', "devices.tank_sensors.profile", "{name}"),
        ("rated_heat_kw: 1500", "rated_heat_kw: much", "devices.boiler_gateway.parameters", "is not a number"),
        ("rated_heat_kw: 1500", "rated_heat_kw: -5", "devices.boiler_gateway.profile", "from low to high"),
        ("safe_power_kw: 330", "safe_power_kw: 3300", "devices.pv_a_inverter.profile", "within the setpoint's range"),
        ("[heat_setpoint_kw]", "[heat_power_kw]", "devices.boiler_gateway.write.0", "did you mean 'heat_setpoint_kw'?"),
        ("device: battery_pcs", "device: tank_sensors", "assets.battery.device", "has no point 'active_power_kw'"),
        ("device: pv_b_inverter", "device: pv_a_inverter", "assets.pv_b.device", "already belongs to 'pv_a'"),
        ("soc_min: 0.1", "soc_min: 0.95", "assets.battery", "must be below soc_max (0.9)"),
        ("Asia/Shanghai", "Asia/Hangzhou", "location.time_zone", "is not a time zone"),
        ("Asia/Shanghai", "Asia", "location.time_zone", "is not a time zone"),
        ("soc: {battery: 0.8", "soc: {batery: 0.8", "simulation.initial_soc.batery", "did you mean 'battery'?"),
        ("+08:00", "", "simulation.start", "time zone"),
        ("    source: air\n", "    source: air\n    source_degc: 12\n", "assets.heat_pump", "is for ground and water"),
        ("cut_in_m_per_s: 3", "cut_in_m_per_s: 13", "assets.wind", "wind speeds must rise"),
        ("interval_min: 15", "interval_min: 7", "control.interval_min", "is 7, should be 5, 10, 15, 30 or 60"),
        ("description: Mid", "influxdb: {url: here}\ndescription: Mid", "influxdb.url", "should match pattern"),
    ],
)
def test_a_fault_says_where_and_what_is_allowed(changed: Change, old: str, new: str, where: str, what: str) -> None:
    path = changed((old, new))
    faults = faults_of(path)
    assert any(fault.where == where and what in fault.what for fault in faults), faults


@pytest.mark.parametrize("value", [".inf", ".nan", "infinity", "nan", "yes", "true", "null", "'a b'", "[1]", "9" * 400])
def test_what_is_no_number_is_refused(changed: Change, value: str) -> None:
    path = changed(("import_limit_kw: 3000", f"import_limit_kw: {value}"))
    (fault,) = faults_of(path)
    assert fault.where == "assets.grid.import_limit_kw"
    assert "number" in fault.what
    assert len(fault.what) < 120


def test_true_is_no_parameter(changed: Change) -> None:
    path = changed(("parameters: {rated_power_kw: 1000}", "parameters: {rated_power_kw: true}"))
    assert "is not a number" in str(faults_of(path)[0])


def test_an_octal_looking_port_is_read_as_people_read_it(changed: Change) -> None:
    connection = load_site(changed(("port: 15021", "port: 015021"))).connections["pv_a_tcp"]
    assert isinstance(connection, ModbusTcp)
    assert connection.port == 15021


def test_a_modbus_connection_is_tcp_where_nothing_is_said(changed: Change) -> None:
    connections = load_site(changed(("port: 15023", "port: 15023, transport: rtu_over_tcp"))).connections
    assert isinstance(connections["pv_a_tcp"], ModbusTcp)
    assert connections["pv_a_tcp"].transport == "tcp"
    assert isinstance(connections["battery_tcp"], ModbusRtuOverTcp)


def test_unit_0_is_refused_on_a_line_and_not_on_tcp(changed: Change) -> None:
    unit = ("connection: battery_tcp", "connection: battery_tcp\n    unit: 0")
    load_site(changed(unit))
    path = changed(unit, ("port: 15023", "port: 15023, transport: rtu_over_tcp"))
    (fault,) = faults_of(path)
    assert (fault.line, fault.where) == (line_of(path, "unit: 0"), "devices.battery_pcs.unit")
    assert "units are 1 to 247" in fault.what


def test_a_reserve_names_planned_loads_and_generators(changed: Change) -> None:
    outage = "{hours: 2, critical: [hall_1, heat_demand, hal_2], sure: {wind: 0.1, tank: 0.5}}"
    path = changed(("connections:", f"reserve:\n  outage: {outage}\nconnections:"))
    assert [(fault.where, fault.what) for fault in faults_of(path)] == [
        (
            "reserve.outage.critical.1",
            "'heat_demand' is no electric load that the controller plans; known are hall_1, hall_2",
        ),
        (
            "reserve.outage.critical.2",
            "'hal_2' is no electric load that the controller plans; did you mean 'hall_2'?",
        ),
        ("reserve.outage.sure.tank", "is no generator that the controller plans; known are pv_a, pv_b, wind"),
    ]


def test_a_battery_with_curves_and_its_faults(changed: Change) -> None:
    curve = "charge_efficiency_curve: [{share: 0.5, efficiency: 0.98}, {share: 1, efficiency: 0.9}]"
    taper = "discharge_taper: [{soc: 0.1, share: 0}, {soc: 0.2, share: 1}]"
    path = changed(("    capacity_kwh: 2000\n", f"    capacity_kwh: 2000\n    {curve}\n"))
    (fault,) = faults_of(path)
    assert (fault.line, fault.where) == (line_of(path, "  battery:"), "assets.battery")
    assert fault.what == "charge_efficiency_curve must end with share 1 at 0.94, which is charge_efficiency"
    path = changed(("    capacity_kwh: 2000\n", f"    capacity_kwh: 2000\n    {taper}\n"))
    assert [fault.what for fault in faults_of(path)] == ["discharge_taper must go from share 1 to soc 0"]


HEAT_METER = """
  heat_network:
    kind: heat_connection
    device: heat_network
    import_limit_kw: 500
    export_limit_kw: 0
    import_price_per_kwh: {PRICE}
    export_price_per_kwh: 0
    supply_degc: 90
    co2_kg_per_kwh: 0.2
"""


@pytest.mark.parametrize(
    ("price", "where", "what"),
    [
        ('{"00:00-08:00": 0.2}', "import_price_per_kwh", "08:00 has no price; the hours must cover the whole day"),
        ('{"00:00-24:00": cheap}', "import_price_per_kwh.00:00-24:00", "is 'cheap', should be a number"),
        ("cheap", "import_price_per_kwh", "should be a number"),
        ("true", "import_price_per_kwh", "should be a number"),
        ('{"0-24": 0.2}', "import_price_per_kwh.0-24", "should look like 11:00-14:00"),
    ],
)
def test_a_heat_price_is_a_number_or_one_for_each_hours(changed: Change, price: str, where: str, what: str) -> None:
    device = "  heat_network: {connection: broker, profile: simulated_heat_meter, parameters: {topic: park/network}}"
    asset = HEAT_METER.replace("{PRICE}", price)
    faults = faults_of(changed(("\nassets:\n", f"\n{device}\nassets:{asset}")))
    assert [fault.where.removeprefix("assets.heat_network.") for fault in faults] == [where]
    assert what in faults[0].what
    good = changed(("\nassets:\n", f"\n{device}\nassets:{HEAT_METER.replace('{PRICE}', '0.4')}"))
    assert load_site(good).setpoint("heat_network") is None


def test_labels_may_be_in_any_script(changed: Change) -> None:
    assert load_site(changed(("label: Battery", "label: 储能电站"))).assets["battery"].label == "储能电站"


def test_trees_need_their_library(changed: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("  commitment: true\n", "  commitment: true\n  forecast: {boosting: true}\n")
    assert load_site(changed(asked)).control.forecast.boosting
    monkeypatch.setattr("config.references.find_spec", lambda name: None)
    with pytest.raises(SiteError, match=r"control\.forecast\.boosting: needs scikit-learn: pip install"):
        load_site(changed(asked))


def test_a_transformer_stands_behind_one_of_several_grid_connections(changed: Change) -> None:
    second = "  grid_2: {kind: grid_connection, device: grid_meter, import_limit_kw: 1, export_limit_kw: 1}\n"
    transformer = (
        "  t: {kind: transformer, device: grid_meter, control: local, rated_kva: 9, no_load_kw: 1, load_kw: 1KEY}\n"
    )
    for key, what in (("", "is missing; it stands behind one of the grid connections"), (", connection: grd", "grd")):
        path = changed(("assets:\n", f"assets:\n{second}{transformer.replace('KEY', key)}"))
        assert any(fault.where == "assets.t.connection" and what in fault.what for fault in faults_of(path))


def test_a_missing_grid_connection(changed: Change) -> None:
    path = changed(("kind: grid_connection", "kind: electric_load"))
    assert any("needs an asset of kind 'grid_connection'" in fault.what for fault in faults_of(path))


def test_every_load_needs_a_series(changed: Change) -> None:
    path = changed(("    heat_demand: {file: heat_2019_hourly", "    heat_demnd: {file: heat_2019_hourly"))
    assert [fault.what for fault in faults_of(path)] == [
        "has no series for 'heat_demand'",
        "follows no series; did you mean 'heat_demand'?",
    ]


def test_a_missing_profile_is_reported_at_every_device(changed: Change) -> None:
    path = changed(*[("profile: simulated_power_meter", "profile: other_meter")] * 2)
    where = [fault.where for fault in faults_of(path)]
    assert where == ["devices.hall_1_meter.profile", "devices.hall_2_meter.profile"]


def test_a_site_may_bring_its_own_profiles_and_tariffs(changed: Change, tmp_path: Path) -> None:
    path = changed(("profile: simulated_battery", "profile: our_battery"), ("[zhejiang_industry_2026]", "[ours]"))
    for folder, theirs, ours in (
        ("profiles", "simulated_battery", "our_battery"),
        ("tariffs", "zhejiang_industry_2026", "ours"),
    ):
        (tmp_path / folder).mkdir()
        source = example_site("demo_park").parent.parent / folder / f"{theirs}.yaml"
        (tmp_path / folder / f"{ours}.yaml").write_bytes(source.read_bytes())
    assert load_site(path).setpoint("battery") is not None


def test_a_fault_in_a_profile_names_the_profile(changed: Change, tmp_path: Path) -> None:
    path = changed(("profile: simulated_hot_water_tank", "profile: our_tank"))
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "our_tank.yaml").write_text("protocol: opcua\npoints: {soc: {nod: x, valid: [0, 1]}}\n")
    faults = faults_of(path)
    assert {fault.file for fault in faults} == {"our_tank.yaml"}
    assert any("did you mean 'node'?" in fault.what for fault in faults)


def test_connections_can_be_replaced(tmp_path: Path) -> None:
    site = load_site(example_site("demo_park"), {"pv_a_tcp": {"port": 4711}, "not_there": {"port": 1}})
    connection = site.connections["pv_a_tcp"]
    assert isinstance(connection, ModbusTcp)
    assert (connection.host, connection.port) == ("127.0.0.1", 4711)
    broken = tmp_path / "broken.yaml"
    broken.write_text("connections: []\n")
    with pytest.raises(SiteError, match="connections: should hold keys and values"):
        load_site(broken, {"pv_a_tcp": {"port": 4711}})


def test_the_grids_meter_is_read_often_enough_to_notice_its_loss(changed: Change) -> None:
    path = changed(("profile: sunspec_meter_203\n", "profile: sunspec_meter_203\n    fast_s: 3.5\n"))
    (fault,) = faults_of(path)
    assert (fault.line, fault.where) == (line_of(path, "fast_s: 3.5"), "devices.grid_meter.fast_s")
    assert fault.what.startswith("the grid's meter must be read every 3 s at least")
    often_enough = ("profile: sunspec_meter_203\n", "profile: sunspec_meter_203\n    fast_s: 3\n")
    assert load_site(changed(often_enough)).devices["grid_meter"].fast_s == 3.0


def test_a_range_that_the_registers_cannot_hold_is_refused_where_it_may_be_written(changed: Change) -> None:
    # 32 bits of 0.1 kW hold 214,748,364.7 kW
    device = "    profile: simulated_battery\n    parameters: {rated_power_kw: 1000}\n    write: [power_setpoint_kw]\n"
    larger = device.replace("1000", "300000000")
    path = changed((device, larger))
    line, where = line_of(path, "300000000"), "power_setpoint_kw has a range that cannot be written"
    assert [(fault.line, fault.what) for fault in faults_of(path) if "cannot be written" in fault.what] == [
        (line, f"{where}: {value} would be {raw} in its register, which has s32")
        for value, raw in (("-3e+08", 3_000_000_000), ("3e+08", -3_000_000_000))
    ]
    load_site(changed((device, larger.replace("    write: [power_setpoint_kw]\n", ""))))
