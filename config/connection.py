"""Connections: where a protocol is spoken, shared by the devices behind it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from config.base import Frozen

Port = Annotated[int, Field(ge=1, le=65535)]


class ModbusTcp(Frozen):
    """One Modbus TCP connection; several units may sit behind it."""

    protocol: Literal["modbus"]
    host: str
    port: Port = 502
    timeout_s: PositiveFloat = 1.0
    """How long one request may take before the device counts as silent."""


class OpcUa(Frozen):
    """One OPC UA session."""

    protocol: Literal["opcua"]
    endpoint: Annotated[str, Field(pattern=r"^opc\.tcp://[^/:]+:\d+(/.*)?$")]
    timeout_s: PositiveFloat = 2.0


class Mqtt(Frozen):
    """One MQTT broker session, protocol 3.1.1."""

    protocol: Literal["mqtt"]
    host: str
    port: Port = 1883
    username: str | None = None
    password_env: str | None = None
    """Name of the environment variable that holds the password: secrets are never in a site file."""
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 10
    timeout_s: PositiveFloat = 2.0


Connection = Annotated[ModbusTcp | OpcUa | Mqtt, Field(discriminator="protocol")]
