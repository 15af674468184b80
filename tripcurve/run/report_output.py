"""The output of `tripcurve report --json` and `run --json`: the summary, the paths of its files, and the exit code."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tripcurve.run.summary import Summary

__all__ = ["Exit", "ReportOutput"]


class Exit(BaseModel):
    """The exit code of the command, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: int
    reason: str


class ReportOutput(Summary):
    """The summary, and the paths of its files."""

    run: str = Field(description="the run directory")
    reports: dict[str, str] = Field(description="paths of the files written, by kind: html, json, markdown, junit")
    exit: Exit

    @classmethod
    def of(cls, summary: Summary, run: Path, reports: dict[str, str], exited: Exit) -> ReportOutput:
        """Return the output for a summary. `reports`: paths by kind. The values are not validated again."""
        return cls.model_construct(**dict(summary), run=str(run), reports=reports, exit=exited)
