"""Connections: where a protocol is spoken, shared by the devices behind it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, model_validator

from config.base import Frozen

Port = Annotated[int, Field(ge=1, le=65535)]


class _Modbus(Frozen):
    """One Modbus connection; several units may sit behind it, and one request at a time is under way."""

    protocol: Literal["modbus"]
    timeout_s: PositiveFloat = 1.0
    """How long one request may take before the device counts as silent."""
    gap_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Pause from the end of one exchange to the next request, for devices that need time to turn round."""
    connect_delay_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Pause from connecting to the first request, for devices that are not at once ready to answer."""


class ModbusTcp(_Modbus):
    """Modbus TCP."""

    transport: Literal["tcp"] = "tcp"
    host: str
    port: Port = 502


class ModbusRtu(_Modbus):
    """Modbus RTU on a serial line: eight data bits."""

    transport: Literal["rtu"]
    serial_port: Annotated[str, Field(min_length=1)]
    """Such as /dev/ttyUSB0, or better a name below /dev/serial/by-id that stays when adapters change places."""
    baud_rate: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
    parity: Literal["none", "even", "odd"]
    stop_bits: Literal[1, 2] = 1


class ModbusRtuOverTcp(_Modbus):
    """RTU frames through a TCP socket, as a transparent serial server passes them on."""

    transport: Literal["rtu_over_tcp"]
    host: str
    port: Port


class ModbusTls(_Modbus):
    """Modbus TCP within TLS 1.2 or newer. Files are taken from the site file's own folder."""

    transport: Literal["tls"]
    host: str
    port: Port = 802
    ca_file: str
    """The authority whose servers are trusted, and no other; PEM."""
    certificate_file: str | None = None
    """What we are known by; PEM. The protocol asks for it, some servers do not."""
    key_file: str | None = None
    key_password_env: str | None = None
    """Name of the environment variable that holds the key's password: secrets are never in a site file."""
    check_host_name: bool = True
    """False for a server whose certificate names another host; it must still be signed by the authority."""

    @model_validator(mode="after")
    def _a_certificate_has_a_key(self) -> ModbusTls:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        if self.key_password_env is not None and self.key_file is None:
            raise ValueError("key_password_env needs a key_file")
        return self


def _on_tcp(connection: object) -> object:
    """A Modbus connection as it is written, on TCP where nothing else is said."""
    return {"transport": "tcp"} | connection if isinstance(connection, dict) else connection


Modbus = ModbusTcp | ModbusRtu | ModbusRtuOverTcp | ModbusTls
_ModbusByTransport = Annotated[Modbus, Field(discriminator="transport"), BeforeValidator(_on_tcp)]


_PUBLISHING_S = 0.5
"""A cycle of a second has a value that is at most half a cycle old."""


class OpcUa(Frozen):
    """One OPC UA session, and how its values are had."""

    protocol: Literal["opcua"]
    endpoint: Annotated[str, Field(pattern=r"^opc\.tcp://[^/:@]+:\d+(/.*)?$")]
    security: Literal["none", "basic256sha256", "aes128_sha256_rsaoaep", "aes256_sha256_rsapss"]
    """How every message is signed and encrypted. It has no default: a session is open only where the file says so."""
    username: str | None = None
    """Without one the session is anonymous."""
    password_env: str | None = None
    """Name of the environment variable that holds the password: secrets are never in a site file."""
    timeout_s: PositiveFloat = 2.0
    """How long one request may take, and how long a subscription may say nothing, before it is doubted."""
    mode: Literal["subscribe", "poll"] = "subscribe"
    """Whether the server sends what changes, or is asked for every value each time."""
    publishing_interval_s: Annotated[float, Field(ge=0.02, le=10)] | None = None
    """How often the server sends what has changed; half a second when not given, or a quarter of a short time-out."""
    sampling_interval_s: Annotated[float, Field(ge=0, le=10)] | None = None
    """How often the server looks at its values, 0 being as often as it can; as often as it sends when not given."""

    @property
    def publishing_s(self) -> float:
        """The publishing interval that is asked for."""
        given = self.publishing_interval_s
        return min(_PUBLISHING_S, self.timeout_s / 4) if given is None else given

    @property
    def sampling_s(self) -> float:
        """The sampling interval that is asked for."""
        return self.publishing_s if self.sampling_interval_s is None else self.sampling_interval_s

    @model_validator(mode="after")
    def _intervals_fit(self) -> OpcUa:
        for name in ("publishing_interval_s", "sampling_interval_s"):
            interval_s = getattr(self, name)
            if interval_s is not None and interval_s > self.timeout_s / 2:
                raise ValueError(
                    f"{name} should be at most half of timeout_s ({self.timeout_s / 2:g}):"
                    " after a whole one without a word a value is doubted"
                )
        return self

    @model_validator(mode="after")
    def _a_password_has_a_user(self) -> OpcUa:
        if self.password_env is not None and self.username is None:
            raise ValueError("password_env needs a username")
        return self


class Will(Frozen):
    """Says to everybody at the broker whether we are there."""

    topic: Annotated[str, Field(pattern=r"^[^+#]+$")]
    payload: str
    """Published by the broker when it loses us."""
    goodbye: str | None = None
    """Published by ourselves when we leave in order; the same as `payload` when not given."""
    birth: str | None = None
    """Published by ourselves at each connect; nothing when not given."""
    retain: bool = False
    """Whether the broker keeps the last of these for those who come later: then `birth` should be given too."""


def _version_as_text(version: object) -> object:
    """5 is a number in YAML, 3.1.1 is not."""
    return str(version) if isinstance(version, int) else version


class Mqtt(Frozen):
    """One MQTT broker session, within TLS where `ca_file` is given. Files are taken from the site file's own folder."""

    protocol: Literal["mqtt"]
    host: str
    port: Port = 1883
    """8883 within TLS."""
    version: Annotated[Literal["3.1.1", "5"], BeforeValidator(_version_as_text)] = "3.1.1"
    username: str | None = None
    password_env: str | None = None
    """Name of the environment variable that holds the password: secrets are never in a site file."""
    client_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """For a broker whose rights hang on it. The broker ends a session when another begins with the same name, so
    it is one of its own for each program; the broker makes one up when not given."""
    ca_file: str | None = None
    """The authority whose brokers are trusted, and no other; PEM. The certificate must name the host."""
    certificate_file: str | None = None
    """What we are known by, where the broker asks for it; PEM."""
    key_file: str | None = None
    key_password_env: str | None = None
    """Name of the environment variable that holds the key's password."""
    will: Will | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 10
    timeout_s: PositiveFloat = 2.0

    @model_validator(mode="before")
    @classmethod
    def _tls_has_a_port(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("ca_file") is not None:
            return {"port": 8883} | data
        return data

    @model_validator(mode="after")
    def _what_belongs_together(self) -> Mqtt:
        if self.password_env is not None and self.username is None:
            raise ValueError("password_env needs a username")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        if self.certificate_file is not None and self.ca_file is None:
            raise ValueError("certificate_file needs a ca_file")
        if self.key_password_env is not None and self.key_file is None:
            raise ValueError("key_password_env needs a key_file")
        return self


Connection = Annotated[_ModbusByTransport | OpcUa | Mqtt, Field(discriminator="protocol")]
