"""`make azure-conformance`: ask a gateway, and write a report that can be attached to an issue.

The gateway is named as tests/conformance says. The report lists the behaviours that held and those that differed, each
with the `local:` option that reproduces the difference. It contains no key and not the gateway's host.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote, quote_plus, urlsplit

import pytest
import yaml

from tests.conformance.reproduction import REPRODUCTIONS, Reproduction
from tripcurve import __version__

__all__ = ["ASKED", "Recorder", "Report", "Result", "main", "without_secrets", "write_report"]

ASKED = ("breaker", "gateway", "pool", "streaming")
"""The test files that ask the user's gateway."""

FOLDER = Path("build/azure-conformance")
URLS = ("TRIPCURVE_CONFORMANCE_URL", "TRIPCURVE_CONFORMANCE_POOL_URL")
KEYS = ("TRIPCURVE_API_KEY", "TRIPCURVE_CONFORMANCE_POOL_KEY")
LONGEST = 400
"""Characters of a failure's message that the report keeps."""

HEAD = ("| behaviour | seen | `local:` option that reproduces it |", "| --- | --- | --- |")


@dataclass(frozen=True)
class Result:
    """The result of one test. `says` is the failure or why it was not asked; empty if it held."""

    test: str
    outcome: Literal["held", "differed", "not asked"]
    says: str = ""

    @property
    def behaviour(self) -> str:
        """The name of the test in words."""
        return self.test.removeprefix("test_").replace("_", " ")

    @property
    def reproduction(self) -> Reproduction:
        """How to see the difference on localhost."""
        return REPRODUCTIONS[self.test]


@dataclass(eq=False)
class Recorder:
    """A pytest plugin that keeps the result of each test. `secrets` are replaced in every message."""

    secrets: Mapping[str, str]
    results: list[Result] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest after each phase of a test."""
        test = report.nodeid.rpartition("::")[2]
        if report.when == "call" and report.passed:
            self.results.append(Result(test, "held"))
        elif not report.passed:
            says = without_secrets(_message(report), self.secrets)[:LONGEST]
            asked = report.when == "call" and report.failed and not says.startswith("requests.exceptions.")
            self.results.append(Result(test, "differed" if asked else "not asked", says))


def _message(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    lines = [line[2:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
    return "\n".join(lines) or report.longreprtext


def without_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """Return the text with each secret replaced by its word, also where it is quoted as in an address.

    `secrets`: the word by the secret, such as `(key)`.
    """
    for secret, word in sorted(secrets.items(), key=lambda pair: -len(pair[0])):
        for form in dict.fromkeys((secret, quote(secret), quote(secret, safe=""), quote_plus(secret))):
            text = text.replace(form, word)
    return text


def secrets_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the words that replace the keys and hosts which the environment names."""
    keys = {environ[name]: "(key)" for name in KEYS if environ.get(name)}
    hosts = {urlsplit(environ[name]).hostname or "": "(gateway)" for name in URLS if environ.get(name)}
    return {secret: word for secret, word in (keys | hosts).items() if secret}


@dataclass(frozen=True)
class Report:
    """What a gateway was asked and how it answered. `made` is the UTC date and time."""

    made: str
    results: list[Result]

    def of(self, outcome: str) -> list[Result]:
        """Return the results with this outcome."""
        return [result for result in self.results if result.outcome == outcome]

    @property
    def exit_code(self) -> int:
        """0 if everything that was asked held; 1 if something differed; 3 if nothing could be asked."""
        if self.of("differed"):
            return 1
        return 0 if self.of("held") else 3

    @property
    def options(self) -> dict[str, str | int | bool]:
        """The `local:` options that reproduce the differences."""
        found: dict[str, str | int | bool] = {}
        for result in self.of("differed"):
            found |= result.reproduction.options
        return found

    def as_json(self) -> dict[str, object]:
        """Return the report as a JSON object."""
        results = [
            {**asdict(result), "options": dict(result.reproduction.options), "why": result.reproduction.why}
            for result in self.results
        ]
        counts = {outcome: len(self.of(outcome)) for outcome in ("held", "differed", "not asked")}
        return {
            "tripcurve": __version__,
            "made": self.made,
            "counts": counts,
            "local": self.options,
            "results": results,
        }

    def as_markdown(self) -> str:
        """Return the report as a Markdown page."""
        held, differed, unasked = (self.of(outcome) for outcome in ("held", "differed", "not asked"))
        lines = [
            "# Conformance of a gateway",
            "",
            f"Tripcurve {__version__}, {self.made}. {len(held)} behaviours held, {len(differed)} differed, "
            f"{len(unasked)} were not asked. Keys and hosts are left out.",
        ]
        if differed:
            lines += ["", "## Differences", "", *HEAD]
            lines += [f"| {each.behaviour} | {_cell(each.says)} | {_option(each.reproduction)} |" for each in differed]
        if self.options:
            block = yaml.safe_dump({"local": self.options}, default_flow_style=False).rstrip()
            lines += ["", "This block in the lab file gives the local gateway the same behaviour:"]
            lines += ["", "```yaml", block, "```"]
        for title, found in (("Held", held), ("Not asked", unasked)):
            if found:
                lines += ["", f"## {title}", ""]
                lines += [f"* {each.behaviour}{f': {_cell(each.says)}' if each.says else ''}" for each in found]
        return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _option(reproduction: Reproduction) -> str:
    shown = ", ".join(f"`{name}: {json.dumps(value)}`" for name, value in reproduction.options.items())
    return f"{shown}: {reproduction.why}" if shown else f"none: {reproduction.why}"


def write_report(report: Report, folder: Path) -> None:
    """Write report.md and report.json into the folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(report.as_markdown(), encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(report.as_json(), indent=1) + "\n", encoding="utf-8")


def main(arguments: Iterable[str], folder: Path = FOLDER, environ: Mapping[str, str] = os.environ) -> int:
    """Ask the gateway, write the report and return the exit code. `arguments` are passed to pytest."""
    missing = [name for name in (URLS[0], KEYS[0]) if not environ.get(name)]
    if environ.get(URLS[1]) and not environ.get(KEYS[1]):
        missing.append(KEYS[1])
    if missing:
        gateway = "the address and the key of a gateway made by `tripcurve up quick`"
        sys.stderr.write(f"set {' and '.join(missing)}: {gateway}\n")
        return 2
    here = Path(__file__).parent
    recorder = Recorder(secrets_of(environ))
    # No tracebacks and no summary on the terminal: their messages may quote the key.
    quiet = ["-vv", "--tb=no", "-rN", "-p", "no:xdist", "-p", "no:randomly"]
    pytest.main([*(str(here / f"test_{name}.py") for name in ASKED), *quiet, *arguments], plugins=[recorder])
    report = Report(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", recorder.results)
    write_report(report, folder)
    counts = f"{len(report.of('held'))} held, {len(report.of('differed'))} differed"
    sys.stdout.write(f"{counts}, {len(report.of('not asked'))} not asked; report: {folder / 'report.md'}\n")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
