"""The base of every config table: frozen, documented where its keys are declared, strict about unknown keys."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """One table of a config. The text under each field is its meaning, printed by `overproof config`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )
