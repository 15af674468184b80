"""The lab's `gateway:` block: its kind, headers and description."""

from __future__ import annotations

from pathlib import Path

import pytest

from tripcurve.documents import read_document, write_yaml
from tripcurve.errors import BadInput
from tripcurve.lab import Lab

ANSWERS = "answers: {shed: {statuses: [503]}}"


def lab_with(tmp_path: Path, gateway: str, more: str = "") -> Lab:
    path = tmp_path / "lab.yaml"
    path.write_text(f"name: l\ngateway: {{name: g, {gateway}}}\nbackends: [{{name: m}}]\n{more}", "utf-8")
    return read_document(path, Lab, "lab")


def test_the_default_kind_is_api_management(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, "units: 1")
    assert (lab.gateway.kind, lab.gateway.headers, lab.gateway.answers) == ("apim", {}, None)


def test_a_described_gateway_survives_writing_and_reading(tmp_path: Path) -> None:
    text = f"kind: generic, {ANSWERS[:-1]}, wait: {{header: x-time}}}}, headers: {{x-route: blue}}"
    lab = lab_with(tmp_path, text)
    (tmp_path / "again.yaml").write_text(write_yaml(lab), "utf-8")
    assert read_document(tmp_path / "again.yaml", Lab, "lab") == lab


@pytest.mark.parametrize(
    ("gateway", "message"),
    [
        ("kind: nginx", "gateway.kind"),
        ("kind: generic", "gateway: kind generic needs `answers`"),
        (f"kind: envoy, {ANSWERS}", "gateway: `answers` is for kind generic"),
        ("headers: {Authorization: x}", "gateway.headers: Authorization is a secret"),
        ("headers: {Host: x}", "gateway.headers: Host is set by the traffic"),
        ('headers: {x-a: "a\\r\\nb: c"}', "gateway.headers"),
        ('headers: {"x a": b}', "gateway.headers"),
        ("kind: generic, answers: {shed: {statuses: []}}", "gateway.answers.shed.statuses"),
        ("kind: generic, answers: {shed: {statuses: [99]}}", "gateway.answers.shed.statuses[0]: 99-99 is not a range"),
        ("kind: generic, answers: {shed: {statuses: [503], body: '('}}", "is not a regular expression"),
        ("kind: generic, answers: {shed: {statuses: [503]}, unmarked: backend}", "a status alone does not tell"),
    ],
)
def test_a_wrong_gateway_is_refused_with_its_place(tmp_path: Path, gateway: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        lab_with(tmp_path, gateway)
    assert message in str(refused.value)


def test_an_api_without_a_path_is_for_other_kinds(tmp_path: Path) -> None:
    path = "api: {path: ''}\n"
    assert lab_with(tmp_path, "kind: portkey", path).api.path == ""
    with pytest.raises(BadInput, match="API Management needs a path"):
        lab_with(tmp_path, "units: 1", path)
