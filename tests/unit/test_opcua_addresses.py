"""Where OPC UA points are, and how their values are had: what a profile and a site file may say."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from pydantic import ValidationError

from config.browse_path import PathElement, elements_of
from config.connection import OpcUa
from config.point import points_of
from config.point_spec import OpcuaPoint
from config.profile import OpcuaProfile
from config.references import loose_ends
from drivers.driver import DriverError
from drivers.opcua_addresses import browse_path, check_address
from drivers.opcua_values import status_name

NAMESPACES = ("http://opcfoundation.org/UA/", "urn:server", "http://plant.example/UA/")


def test_a_path_has_a_namespace_and_a_name_per_level() -> None:
    assert elements_of("/Objects/2:Plant/nsu=http://plant.example/UA/;Pu&/mp&&/Power:1") == (
        PathElement(0, "Objects"),
        PathElement(2, "Plant"),
        PathElement("http://plant.example/UA/", "Pu/mp&"),
        PathElement(0, "Power:1"),
    )


@pytest.mark.parametrize("text", ["", "Objects", "/", "/a//b", "/a/", "/2:", "/65536:x", "/nsu=urn:x;", "/a&"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        elements_of(text)


def test_a_path_in_the_servers_own_terms() -> None:
    path = browse_path("/Objects/nsu=http://plant.example/UA/;Pump/1:Power", NAMESPACES)
    assert isinstance(path, ua.BrowsePath)
    names = [(step.TargetName.NamespaceIndex, step.TargetName.Name) for step in path.RelativePath.Elements]
    assert names == [(0, "Objects"), (2, "Pump"), (1, "Power")]
    assert all(step.IncludeSubtypes and not step.IsInverse for step in path.RelativePath.Elements)
    assert browse_path("/nsu=urn:lost;Pump", NAMESPACES) == "the server has no namespace urn:lost"


@pytest.mark.parametrize("address", ["/", "Pump", "ns=two;s=Pump"])
def test_an_address_that_means_nothing_is_refused(address: str) -> None:
    with pytest.raises(DriverError):
        check_address(address)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "needs either a node or a path"),
        ({"node": "ns=2;s=Power", "path": "/Objects/2:Power"}, "needs either a node or a path"),
        ({"path": "Objects/2:Power"}, "should begin with a /"),
    ],
)
def test_a_point_is_at_one_place(data: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        OpcuaPoint.model_validate({"valid": [0, 1], **data})


def test_parameters_fill_a_path_which_is_then_looked_at() -> None:
    profile = OpcuaProfile.model_validate(
        {
            "protocol": "opcua",
            "description": "made up",
            "verified": True,
            "source": "this file",
            "parameters": {"space": "index", "name": "name"},
            "points": {"power_kw": {"path": "/Objects/{space}:{name}/2:Power", "valid": [0, 1]}},
        }
    )

    def ends(space: float, name: str) -> list[str]:
        (point,) = points_of("pump", profile, {"space": space, "name": name})
        return list(loose_ends(point, ["power_kw"]))

    (point,) = points_of("pump", profile, {"space": 2.0, "name": "Pump1"})
    assert isinstance(point.source, OpcuaPoint)
    assert point.source.address == "/Objects/2:Pump1/2:Power"
    assert ends(2.0, "Pump1") == []
    assert ends(2.0, "") == ["'/Objects/2:/2:Power' is not a browse path: there is no name after '/Objects/2:'"]
    assert ends(2.0, "{lost}") == ["{lost} in '/Objects/2:{lost}/2:Power' is not a parameter of the profile"]


def connection(**more: Any) -> OpcUa:
    data = {"protocol": "opcua", "endpoint": "opc.tcp://plc:4840", "security": "none", **more}
    return OpcUa.model_validate(data)


@pytest.mark.parametrize(
    ("data", "intervals"),
    [
        ({}, (0.5, 0.5)),
        ({"timeout_s": 1.0}, (0.25, 0.25)),
        ({"timeout_s": 10.0, "publishing_interval_s": 5}, (5.0, 5.0)),
        ({"sampling_interval_s": 0}, (0.5, 0.0)),
    ],
)
def test_intervals_that_are_asked_for(data: dict[str, Any], intervals: tuple[float, float]) -> None:
    assert (connection(**data).publishing_s, connection(**data).sampling_s) == intervals


@pytest.mark.parametrize("name", ["publishing_interval_s", "sampling_interval_s"])
def test_an_interval_that_the_time_out_would_not_wait_for_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"{name} should be at most half of timeout_s \(1\)"):
        connection(**{name: 1.5})


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (ua.StatusCodes.BadSensorFailure, "BadSensorFailure"),
        (ua.StatusCodes.GoodClamped | 0x0480, "GoodClamped"),  # an overflow of the queue is added to it
        (0x80000000, "Bad"),
        (0x80FE0000, "0x80FE0000"),
    ],
)
def test_a_status_has_its_name_whatever_it_adds(code: int, name: str) -> None:
    assert status_name(ua.StatusCode(ua.UInt32(code))) == name
