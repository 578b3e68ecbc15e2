"""The files of deploy/ say what they promise: pinned images, nothing open to the network, no secret inside."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from controller.telemetry.schema import MEASUREMENTS

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = YAML(typ="safe").load(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "park_now.json").read_text())
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET", re.IGNORECASE)
FROM_ENVIRONMENT = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")


def provisioned(folder: str, name: str) -> Any:
    return YAML(typ="safe").load(DEPLOY / "grafana" / "provisioning" / folder / name)


# -- compose -----------------------------------------------------------------------------------------------


def test_the_four_services_are_there() -> None:
    assert set(SERVICES) == {"parkgrid", "influxdb", "grafana", "mosquitto"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_guarded_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert re.search(r":\d+\.\d+\.\d+$", service["image"]), "an image is pinned by its full version"
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not str(service["user"]).startswith(("0:", "root"))
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert "privileged" not in service
    assert "network_mode" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_volumes_are_named_or_files_of_this_folder_that_cannot_be_changed(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source, *rest = volume.split(":")
        if source.startswith("."):
            assert rest[-1] == "ro", volume
            made_by_hand = {"./site"}
            assert source in made_by_hand or (DEPLOY / source).exists(), volume
        else:
            assert source in COMPOSE["volumes"], volume


def test_every_secret_comes_from_the_environment_and_is_in_the_example() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "parkgrid.env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert not any(example.values()), "the example holds no values"
    used: set[str] = set()
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key):
                assert FROM_ENVIRONMENT.fullmatch(value), f"{key} holds a value"
                used.add(value[2 : value.index(":")])
    assert used == set(example)


def test_what_holds_secrets_is_never_committed() -> None:
    ignored = (DEPLOY / ".gitignore").read_text().split()
    assert {"parkgrid.env", "mosquitto/passwords"} <= set(ignored)


def test_the_image_is_built_pinned_and_runs_as_nobody_in_particular() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert all(re.match(r"FROM python:\d+\.\d+\.\d+-", line) for line in lines if line.startswith("FROM"))
    assert [line for line in lines if line.startswith("USER")][-1] == f"USER {SERVICES['parkgrid']['user']}"
    allowed = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    root = DEPLOY.parent
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert source in allowed, f"{source} is copied but ignored"
                assert (root / source).exists(), f"{source} is copied but not there"


# -- systemd -----------------------------------------------------------------------------------------------


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "parkgrid.service")
    return parser


def test_the_unit_may_do_no_more_than_it_must() -> None:
    service = unit()["Service"]
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["SystemCallFilter"] == "@system-service"
    assert service["User"] == "parkgrid"
    for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert service[key] == "yes", key
    assert "MemoryMax" in service


def test_the_unit_does_not_restart_on_a_refused_site_file() -> None:
    service = unit()["Service"]
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"


def test_the_unit_s_watchdog_waits_for_some_cycles_of_the_longest() -> None:
    service = unit()["Service"]
    assert service["Type"] == "notify"
    assert 30 <= int(service["WatchdogSec"]) <= 60


# -- Grafana -----------------------------------------------------------------------------------------------


def test_the_data_source_reads_the_bucket_with_a_token_of_its_own() -> None:
    (source,) = provisioned("datasources", "influxdb.yaml")["datasources"]
    influxdb = SERVICES["influxdb"]["environment"]
    assert source["jsonData"]["dbName"] == influxdb["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert source["jsonData"]["httpHeaderName1"] == "Authorization"
    assert source["secureJsonData"]["httpHeaderValue1"] == "Token $GRAFANA_INFLUX_TOKEN"
    assert "GRAFANA_INFLUX_TOKEN" in SERVICES["grafana"]["environment"]


def test_the_dashboards_are_found_where_they_are_mounted() -> None:
    (provider,) = provisioned("dashboards", "parkgrid.yaml")["providers"]
    path = provider["options"]["path"]
    assert f"./grafana/dashboards:{path}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{path}/park_now.json"


def test_every_panel_has_an_id_a_place_a_source_and_a_query() -> None:
    (source,) = provisioned("datasources", "influxdb.yaml")["datasources"]
    expected = {"type": "influxdb", "uid": source["uid"]}
    panels = DASHBOARD["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles)
    for panel in panels:
        assert panel["type"] in ("stat", "timeseries", "table")
        assert panel["description"]
        assert panel["datasource"] == expected
        references = [target["refId"] for target in panel["targets"]]
        assert references
        assert len(set(references)) == len(references)
        for target in panel["targets"]:
            assert target["datasource"] == expected
            assert target["rawQuery"] is True
            assert target["resultFormat"] in ("time_series", "table")
            assert "$timeFilter" in target["query"]
            assert "\"site\" = '$site'" in target["query"]


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_queries_name_only_what_is_recorded() -> None:
    known = {name for m in MEASUREMENTS.values() for name in (*m.tags, *m.optional_tags, *m.fields)} | set(MEASUREMENTS)
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            aliases = set(re.findall(r'AS "([^"]+)"', target["query"]))
            names = set(re.findall(r'"([^"]+)"', target["query"])) - aliases
            assert names <= known, f"{panel['title']}: {names - known}"


def test_the_dashboard_lets_one_choose_site_and_asset() -> None:
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["site", "asset"]
