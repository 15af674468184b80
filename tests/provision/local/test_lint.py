"""`tripcurve lint` names line and column of what API Management would refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.apim.policies.refused import POLICIES as REFUSED
from provision.local.lint import lint, lint_file
from tests.provision.local.apim.policies.harness import policy
from tripcurve.errors import BadInput
from tripcurve.lab import LABS, POLICIES
from tripcurve.shipped import shipped_folder, shipped_names

LAB = """\
name: l
gateway: {name: g}
api:
  policy: own.xml
backends:
  - name: mock1
    breaker:
      count: 3
      intervall: PT5M
      trip_duration: PT1M
      status_codes: [429]
"""


def places(path: Path, text: str) -> list[tuple[int, int, str]]:
    path.write_text(text, "utf-8")
    return [(each.line, each.column, each.level) for each in lint_file(path, {})]


@pytest.mark.parametrize("name", shipped_names(LABS, ".yaml"))
def test_nothing_is_found_in_a_built_in_lab(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint([name], "text", []) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", sorted(shipped_folder(POLICIES).glob("*.xml")), ids=lambda path: path.name)
def test_nothing_is_found_in_a_built_in_policy(path: Path) -> None:
    assert lint_file(path, {}) == []


def test_an_unknown_policy_is_found_where_its_name_begins(tmp_path: Path) -> None:
    text = "<policies>\n  <inbound>\n    <teleport />\n  </inbound>\n</policies>\n"
    assert places(tmp_path / "p.xml", text) == [(3, 6, "error")]


@given(lines=st.integers(0, 30), blanks=st.integers(0, 30))
def test_the_place_moves_with_the_element(lines: int, blanks: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = f"<policies><inbound>{chr(10) * lines}{' ' * blanks}<teleport /></inbound></policies>"
    begin = blanks + 2 if lines else len("<policies><inbound>") + blanks + 2
    assert places(tmp_path_factory.mktemp("lint") / "p.xml", text) == [(lines + 1, begin, "error")]


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    text = '<!DOCTYPE policies [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<policies><inbound>&a;</inbound></policies>'
    (tmp_path / "p.xml").write_text(text, "utf-8")
    (found,) = lint_file(tmp_path / "p.xml", {})
    assert (found.line, found.level) == (1, "error")
    assert "document type declaration" in found.message


@pytest.mark.parametrize("name", sorted(each.element.name for each in REFUSED))
def test_what_only_the_local_gateway_cannot_run_is_a_warning(name: str, tmp_path: Path) -> None:
    sections = [policy(**{section: f"<{name} />"}) for section in ("inbound", "backend", "outbound", "on_error")]
    levels = {level for text in sections for *_, level in places(tmp_path / "p.xml", text)}
    assert "warning" in levels


def test_a_fragment_is_checked_as_one(tmp_path: Path) -> None:
    assert places(tmp_path / "f.xml", "<fragment><set-method>GET</set-method></fragment>") == []
    assert places(tmp_path / "f.xml", "<fragment>\n<teleport />\n</fragment>") == [(2, 2, "error")]


def test_a_named_value_must_be_given(tmp_path: Path) -> None:
    path = tmp_path / "p.xml"
    path.write_text(policy("<set-method>{{method}}</set-method>"), "utf-8")
    assert "Cannot find a property 'method'" in lint_file(path, {})[0].message
    assert lint([str(path)], "text", ["method=GET"]) == 0


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("", "", (9, 7)),  # the misspelt key itself
        ("intervall: PT5M", "interval: -1", (9, 7)),
        ("gateway: {name: g}\n", "", (1, 1)),  # a missing key: the mapping that should have it
        ("  - name: mock1\n", "  - name: mock1\n    kind: mok\n", (7, 5)),
        ("name: l", "name: [", (3, 1)),  # no YAML: the bracket is missing where `api` begins
        ("      intervall: PT5M\n", "      interval: PT5M\n", (4, 3)),  # own.xml does not exist
    ],
)
def test_a_mistake_in_a_lab_has_its_line_and_column(old: str, new: str, place: tuple[int, int], tmp_path: Path) -> None:
    text = LAB if not old else LAB.replace(old, new)
    assert place in [found[:2] for found in places(tmp_path / "lab.yaml", text)]


def test_the_policy_of_a_lab_is_checked_with_the_labs_values(tmp_path: Path) -> None:
    good = LAB.replace("intervall", "interval").replace("own.xml", "own.xml\n  named_values: {method: GET}")
    (tmp_path / "own.xml").write_text(policy("<set-method>{{method}}</set-method>"), "utf-8")
    assert places(tmp_path / "lab.yaml", good) == []
    (tmp_path / "own.xml").write_text(policy("<set-method>{{other}}</set-method>"), "utf-8")
    (found,) = lint_file(tmp_path / "lab.yaml", {})
    assert found.file == str(tmp_path / "own.xml")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("a b.xml").write_text("<policies>\n<inbound><teleport /></inbound></policies>", "utf-8")
    Path("w.xml").write_text(policy(outbound="<jsonp />"), "utf-8")
    return ["a b.xml", "w.xml"]


def test_text_has_a_line_for_each_finding(two: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(two, "text", []) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "a b.xml:2:11: error: <teleport>: The policy 'teleport' does not exist."
    assert shown.err == "2 checked: 1 errors, 1 warnings\n"


def test_warnings_alone_do_not_fail(two: list[str]) -> None:
    assert lint(two[1:], "text", []) == 0


def shown(names: list[str], form: str, capsys: pytest.CaptureFixture[str]) -> Any:
    lint(names, form, [])
    return json.loads(capsys.readouterr().out)


def test_json_is_one_object(two: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(two, "json", capsys)["findings"]
    assert [(each["file"], each["line"], each["level"]) for each in found] == [
        ("a b.xml", 2, "error"),
        ("w.xml", 1, "warning"),
    ]


def test_sarif_has_what_code_scanning_reads(two: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    log = shown(two, "sarif", capsys)
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "tripcurve")
    assert {each["ruleId"] for each in run["results"]} <= {each["id"] for each in run["tool"]["driver"]["rules"]}
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": "a%20b.xml"}, "region": {"startLine": 2, "startColumn": 11}}


def test_without_findings_sarif_is_still_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(["quick"], "sarif", capsys)["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("names", "form", "values", "message"),
    [
        (["quick"], "xml", [], "--format 'xml' is not one of text, json, sarif"),
        (["quick"], "text", ["novalue"], "--named-value 'novalue'"),
        (["missing.xml"], "text", [], "missing.xml: there is no such policy file"),
        (["missing"], "text", [], "policy or lab 'missing' not found"),
    ],
)
def test_bad_usage_is_named(names: list[str], form: str, values: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message.replace("(", r"\(")):
        lint(names, form, values)
