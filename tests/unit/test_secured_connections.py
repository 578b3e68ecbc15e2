"""What a site file must say of the security of its OPC UA and MQTT connections."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.connection import Mqtt
from config.loader import SiteError, example_site, load_site

DEMO = example_site("demo_park").read_text(encoding="utf-8")
BROKER = "protocol: mqtt, host: 127.0.0.1, port: 15041"
WIND = 'endpoint: "opc.tcp://127.0.0.1:15031/parkgrid", security: none'


def faults(tmp_path: Path, old: str, new: str) -> list[str]:
    assert old in DEMO
    file = tmp_path / "site.yaml"
    file.write_text(DEMO.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SiteError) as caught:
        load_site(file)
    return [f"{fault.where}: {fault.what}" for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("opcua", "fault"),
    [
        ('endpoint: "opc.tcp://plc:4840"', "connections.wind_opcua.security: is missing"),
        (
            'endpoint: "opc.tcp://plc:4840", security: basic256',
            "connections.wind_opcua.security: is 'basic256', should be 'none', 'basic256sha256', "
            "'aes128_sha256_rsaoaep' or 'aes256_sha256_rsapss'",
        ),
        (
            'endpoint: "opc.tcp://plc:4840", security: none, password_env: PLC',
            "connections.wind_opcua: password_env needs a username",
        ),
    ],
)
def test_opcua_says_its_security(tmp_path: Path, opcua: str, fault: str) -> None:
    assert faults(tmp_path, WIND, opcua) == [fault]


def test_an_endpoint_holds_no_password(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, WIND, 'endpoint: "opc.tcp://ems:secret@plc:4840", security: none')
    assert fault.startswith("connections.wind_opcua.endpoint: ")


@pytest.mark.parametrize(
    ("mqtt", "fault"),
    [
        ("version: 3", "connections.broker.version: is '3', should be '3.1.1' or '5'"),
        ("password_env: HOME", "connections.broker: password_env needs a username"),
        ("will: {topic: park/#, payload: lost}", "connections.broker.will.topic: is 'park/#', should match pattern"),
        ("will: {topic: park/ems}", "connections.broker.will.payload: is missing"),
        ("will: {topic: park/ems, payload: lost, qos: 1}", "connections.broker.will.qos: is not a known key"),
    ],
)
def test_mqtt_says_what_fits_together(tmp_path: Path, mqtt: str, fault: str) -> None:
    (found,) = faults(tmp_path, BROKER, f"protocol: mqtt, host: mosquitto, {mqtt}")
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"ca_file": "ca.pem", "certificate_file": "ems.pem"}, "certificate_file and key_file belong together"),
        ({"certificate_file": "ems.pem", "key_file": "ems.key"}, "certificate_file needs a ca_file"),
        ({"ca_file": "ca.pem", "key_password_env": "KEY"}, "key_password_env needs a key_file"),
    ],
)
def test_the_files_of_tls_belong_together(keys: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Mqtt.model_validate({"protocol": "mqtt", "host": "mosquitto", **keys})


def test_tls_has_its_own_port() -> None:
    broker = {"protocol": "mqtt", "host": "mosquitto"}
    assert Mqtt.model_validate(broker).port == 1883
    assert Mqtt.model_validate({**broker, "ca_file": "ca.pem"}).port == 8883
    assert Mqtt.model_validate({**broker, "ca_file": "ca.pem", "port": 1883}).port == 1883
    assert Mqtt.model_validate({**broker, "version": 5}).version == "5"
