"""The report on a gateway: every test has its option, differences name theirs, and no key is in it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from tests.conformance.kit import ASKED, Report, Result, main, secrets_of, without_secrets, write_report
from tests.conformance.reproduction import REPRODUCTIONS
from tripcurve.lab import load_lab
from tripcurve.lab.local_options import LocalOptions

ROOT = Path(__file__).parents[2]
KEY = "k+y/with=signs&more"
ENVIRON = {"TRIPCURVE_CONFORMANCE_URL": "https://mine.azure-api.net", "TRIPCURVE_API_KEY": KEY}


def asked_tests() -> set[str]:
    trees = [ast.parse((ROOT / "tests/conformance" / f"test_{name}.py").read_text("utf-8")) for name in ASKED]
    return {node.name for tree in trees for node in tree.body if getattr(node, "name", "").startswith("test_")}


def test_every_conformance_test_names_its_option_or_says_that_there_is_none() -> None:
    assert set(REPRODUCTIONS) == asked_tests()
    assert all(each.why for each in REPRODUCTIONS.values())


def test_the_named_options_exist_and_are_not_the_defaults() -> None:
    for test, each in REPRODUCTIONS.items():
        options = LocalOptions.model_validate(dict(each.options))
        assert not each.options or options != LocalOptions(), test


RESULTS = [
    Result("test_a_wrong_key_is_refused", "held"),
    Result("test_statuses_outside_the_rule_do_not_count", "differed", "assert [500, 503] == [500, 500]"),
    Result("test_connections_are_kept", "differed", "assert 'close' != 'close' | x"),
    Result("test_a_stream_is_marked_with_its_backend", "not asked", "no gateway"),
]


def test_each_difference_names_the_option_that_reproduces_it(tmp_path: Path) -> None:
    write_report(Report("2026-11-29 09:00 UTC", RESULTS), tmp_path)
    page = (tmp_path / "report.md").read_text("utf-8")
    assert "1 behaviours held, 2 differed, 1 were not asked" in page
    (row,) = [line for line in page.splitlines() if line.startswith("| statuses outside the rule")]
    assert '`server_errors_alias: "any_5xx"`' in row
    assert "none: the local gateway has no option for this" in page
    assert "'close' \\| x" in page
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert found["local"] == {"server_errors_alias": "any_5xx"}
    assert found["counts"] == {"held": 1, "differed": 2, "not asked": 1}
    (block,) = [part for part in page.split("```") if part.startswith("yaml")]
    assert yaml.safe_load(block.removeprefix("yaml")) == {"local": found["local"]}


@pytest.mark.parametrize(
    ("results", "code"), [(RESULTS, 1), (RESULTS[:1], 0), ([RESULTS[0], RESULTS[3]], 0), (RESULTS[3:], 3), ([], 3)]
)
def test_the_exit_code_says_whether_something_differed(results: list[Result], code: int) -> None:
    assert Report("now", results).exit_code == code


def test_keys_and_hosts_are_replaced_in_every_form() -> None:
    text = f"{KEY} {quote(KEY)} {quote(KEY, safe='')} https://mine.azure-api.net/openai?api-key={quote(KEY)}"
    found = without_secrets(text, secrets_of(ENVIRON))
    assert found == "(key) (key) (key) https://(gateway)/openai?api-key=(key)"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "TRIPCURVE_CONFORMANCE_URL and TRIPCURVE_API_KEY"),
        ({"TRIPCURVE_CONFORMANCE_URL": "https://x"}, "TRIPCURVE_API_KEY"),
        ({**ENVIRON, "TRIPCURVE_CONFORMANCE_POOL_URL": "https://y"}, "TRIPCURVE_CONFORMANCE_POOL_KEY"),
    ],
)
def test_a_missing_address_or_key_is_named(
    environ: dict[str, str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], tmp_path, environ) == 2
    assert capsys.readouterr().err.startswith(f"set {named}:")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def cloud_with(lab_file: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tripcurve.cli", "local", str(lab_file), "--stop-with-stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(timeout=20) == 0


def ask(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the kit with these variables in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance.kit", *arguments],
        cwd=folder,
        env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_gateway_that_differs_is_reported_with_its_option_and_without_its_key(tmp_path: Path) -> None:
    lab = load_lab("quick").model_dump(mode="json")
    lab["local"] = {"server_errors_alias": "any_5xx"}
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(lab), encoding="utf-8")
    with cloud_with(tmp_path / "lab.yaml") as line:
        environ = {"TRIPCURVE_CONFORMANCE_URL": line["gateway_url"], "TRIPCURVE_API_KEY": line["api_key"]}
        done = ask(tmp_path, environ, "-k", "outside_the_rule or wrong_key or from_the_query or preferred")
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads((tmp_path / "build/azure-conformance/report.json").read_text("utf-8"))
    outcomes = {each["test"]: each["outcome"] for each in found["results"]}
    assert outcomes == {
        "test_statuses_outside_the_rule_do_not_count": "differed",
        "test_a_wrong_key_is_refused": "held",
        "test_the_key_is_taken_from_the_query_when_the_header_is_missing": "held",
        "test_the_preferred_member_serves_while_it_is_closed": "not asked",
    }
    assert found["local"] == {"server_errors_alias": "any_5xx"}
    written = "".join(path.read_text("utf-8") for path in (tmp_path / "build/azure-conformance").iterdir())
    for text in (written, done.stdout, done.stderr):
        assert line["api_key"] not in text
    assert "127.0.0.1" not in written


def test_a_gateway_that_does_not_answer_is_not_a_difference(tmp_path: Path) -> None:
    environ = {"TRIPCURVE_CONFORMANCE_URL": "http://127.0.0.1:1", "TRIPCURVE_API_KEY": KEY}
    done = ask(tmp_path, environ, "-k", "from_the_query")
    assert done.returncode == 3, done.stdout + done.stderr
    page = (tmp_path / "build/azure-conformance/report.md").read_text("utf-8")
    assert "1 were not asked" in page
    assert "Connection" in page
    for form in (KEY, quote(KEY), quote(KEY, safe="")):
        assert form not in page + done.stdout + done.stderr
