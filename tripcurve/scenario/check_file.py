"""Checks in a file, such as `checks.yaml`, named on the command line as `--check @checks.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tripcurve.documents import read_document
from tripcurve.errors import BadInput
from tripcurve.scenario.checks import parse

__all__ = ["CheckFile", "with_files"]


class CheckFile(BaseModel):
    """A file of checks: `checks:` with a list of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checks: tuple[str, ...] = Field(min_length=1)

    @field_validator("checks")
    @classmethod
    def _checks_parse(cls, checks: tuple[str, ...]) -> tuple[str, ...]:
        for check in checks:
            try:
                parse(check)
            except BadInput as error:
                raise ValueError(str(error)) from None
        return checks


def with_files(checks: Sequence[str]) -> list[str]:
    """Return the checks with each `@FILE` replaced by those of the file, in order.

    Raises BadInput, with the file and the field, for one that cannot be read or has a mistake.
    """
    found: list[str] = []
    for check in checks:
        found += read_document(Path(check[1:]), CheckFile, "check file").checks if check.startswith("@") else [check]
    return found
