"""What every configuration model shares."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of one, hence without a suffix in its name."""

Efficiency = Annotated[float, Field(gt=0, le=1)]

IDENTIFIER = r"^[a-z][a-z0-9_]*$"
NAME_LENGTH = 64  # names become file names, topics and tags: well below any of their limits
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=NAME_LENGTH)]
"""A name used in telemetry tags and on the command line: small letters, digits and underscores."""


class Frozen(BaseModel):
    """A model that cannot change after validation and that knows every key it may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, data: Any) -> Any:
        """true and false would count as 1 and 0 where a number belongs: there they are taken as the texts they are."""
        if not isinstance(data, dict):
            return data
        truths = {name for name, field in cls.model_fields.items() if field.annotation is bool}
        return {key: value if key in truths else _as_text(value) for key, value in data.items()}


def _as_text(value: Any) -> Any:
    match value:
        case bool():
            return str(value).lower()
        case dict() if any(isinstance(item, bool) for item in value.values()):
            return {key: _as_text(item) if isinstance(item, bool) else item for key, item in value.items()}
        case list() if any(isinstance(item, bool) for item in value):
            return [_as_text(item) if isinstance(item, bool) else item for item in value]
        case _:
            return value
