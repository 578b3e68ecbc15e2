"""What every configuration model shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of one, hence without a suffix in its name."""

Efficiency = Annotated[float, Field(gt=0, le=1)]

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""A name used in telemetry tags and on the command line: small letters, digits and underscores."""


class Frozen(BaseModel):
    """A model that cannot change after validation and that knows every key it may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)
