"""Where a site gets a weather forecast from, if it has one."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.base import Frozen

OUTDOOR, IRRADIANCE = "outdoor_degc", "irradiance_w_per_m2"
WEATHER_COLUMNS = (OUTDOOR, IRRADIANCE)
"""Of the air, and of the sun on level ground."""


class WeatherForecast(Frozen):
    """A CSV file with `time_utc` and one of the columns at least, on this machine, on a server or kept by a broker."""

    file: str | None = None
    """Found from the site file's folder."""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s/]+(/\S*)?|mqtts?://[^\s/]+/[^\s#+]+)$")] | None = None
    every_min: Annotated[float, Field(ge=5, le=1440)] = 60.0
    """How often the server or broker is asked."""

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("needs either a file or a url")
        return self
