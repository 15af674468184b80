"""The lab file: what is read, and what is refused in words a person can act on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tripcurve.documents import write_yaml
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab, policy_path
from tripcurve.shipped import shipped_names

BREAKER: dict[str, Any] = {"count": 3, "interval": "PT5M", "status_codes": [429], "trip_duration": "PT1M"}


def content(**changes: Any) -> dict[str, Any]:
    backend = {"name": "mock1", "breaker": BREAKER} | changes.pop("backend", {})
    return {"name": "lab", "gateway": {"name": "apim"}, "backends": [backend]} | changes


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(text: Any) -> Path:
        path = tmp_path / "my.yaml"
        path.write_text(text if isinstance(text, str) else yaml.safe_dump(text), "utf-8")
        return path

    return _write


@pytest.mark.parametrize("name", shipped_names("provision/labs", ".yaml"))
def test_every_built_in_lab_is_valid_and_is_written_back_as_read(name: str, write: Any) -> None:
    lab = load_lab(name)
    assert load_lab(write(write_yaml(lab).replace(lab.api.policy, str(policy_path(lab, Path(name)))))).backends == (
        lab.backends
    )


def test_the_seeds_lab_has_the_seeds_rule() -> None:
    rule = load_lab("seed").backends[0].breaker
    assert rule is not None
    assert (rule.count, rule.interval, rule.trip_duration) == (3, 300.0, 60.0)
    assert (rule.status_codes, rule.error_reasons, rule.accept_retry_after) == (
        ((429, 429),),
        ("Server errors",),
        False,
    )


def test_an_api_version_that_looks_like_a_date_stays_text(write: Any) -> None:
    path = write("name: x\ngateway: {name: g}\napi: {version: 2024-02-01}\nbackends: [{name: b}]\n")
    assert load_lab(path).api.version == "2024-02-01"


@pytest.mark.parametrize(
    ("backend", "host", "url"),
    [
        ({"name": "Mock1"}, "mock1.azurewebsites.net", "https://mock1.azurewebsites.net/openai"),
        ({"name": "Acc", "kind": "openai"}, "acc.openai.azure.com", "https://acc.openai.azure.com/openai"),
        ({"kind": "existing", "url": "http://Host:81/x/"}, "host", "http://Host:81/x"),
    ],
)
def test_a_backends_host_and_url(backend: dict[str, Any], host: str, url: str) -> None:
    found = Lab.model_validate(content(backend=backend)).backends[0]
    assert (found.host, found.base_url) == (host, url)


def test_two_backends_make_a_pool() -> None:
    lab = Lab.model_validate(content(backends=[{"name": "a"}, {"name": "b"}]))
    assert (lab.has_pool, lab.backend_id) == (True, "openai-pool")


def test_the_units_are_the_gateways_unless_overridden() -> None:
    assert Lab.model_validate(content(gateway={"name": "g", "units": 2})).units == 2
    assert Lab.model_validate(content(local={"unit_count_override": 3})).units == 3
    unknown = content(gateway={"name": "g", "units": "unknown"})
    assert Lab.model_validate(unknown).units == 1
    assert Lab.model_validate(unknown | {"local": {"unit_count_override": 3}}).units == 3


def test_the_stated_units_do_not_follow_the_override() -> None:
    def units(stated: int | str) -> tuple[int | None, int]:
        given = content(gateway={"name": "g", "units": stated}, local={"unit_count_override": 3})
        lab = Lab.model_validate(given)
        return lab.stated_units, lab.most_units

    assert [units(stated) for stated in (1, 2, "unknown")] == [(1, 1), (2, 2), (None, 16)]


BAD: list[tuple[Any, str]] = [
    (content(backend={"breaker": BREAKER | {"interval": "5 minutes"}}), "backends[0].breaker.interval: '5 minutes'"),
    (content(backend={"breaker": BREAKER | {"interval": "5 minutes"}}), "write ISO 8601 such as PT5M"),
    (content(backend={"breaker": BREAKER | {"trip_duration": "P1M"}}), "'P1M' is not a duration"),
    (
        content(backend={"braker": {}}),
        "braker: unknown key; did you mean 'breaker'? Known keys: breaker, kind",
    ),
    (content(gateway={"name": "g", "sku": "Consumption"}), "Consumption has no backend circuit breaker"),
    (content(gateway={"name": "g", "sku": "Gold"}), "gateway.sku: "),
    (content(gateway={"name": "g", "units": 0}), "gateway.units: "),
    (content(gateway={"name": "g", "units": "unkown"}), "gateway.units: "),
    (content(gateway={}), "gateway.name: this key is required"),
    (content(backends=[]), "backends: "),
    (content(backends=[{"name": "a"}, {"name": "A"}]), "two backends share the name 'a'"),
    (content(backends=[{"name": "a"}, {"name": "b"}], pool={"name": "a"}), "pool.name: 'a' is already a backend's"),
    (content(backend={"kind": "existing"}), "kind existing needs `url`"),
    (content(backend={"kind": "existing", "url": "ftp://x"}), "kind existing needs `url`"),
    (content(backend={"url": "https://x"}), "`url` is for kind existing"),
    (content(backend={"kind": "openai", "limits": {"rpm": 1}}), "`limits` is for kind mock"),
    (content(backend={"latency": {"median_ms": 9, "p95_ms": 1}}), "p95_ms (1) must be at least median_ms (9)"),
    (content(existing={"accounts": ["x"]}), "existing.accounts: 'x' is not a backend of this lab; backends: mock1"),
    (
        content(existing={"accounts": ["mok1"]}),
        "not a backend of this lab; did you mean 'mock1'? Backends: mock1",
    ),
    (content(backend={"breaker": BREAKER | {"tripDuration": 1}}), "unknown key; did you mean 'trip_duration'?"),
    (content(backend={"kind": "mok"}), "kind: must be one of mock, openai, existing, not 'mok'; did you mean 'mock'?"),
    (content(backend={"breaker": BREAKER | {"status_codes": [4.5]}}), "status_codes[0]: this is not a status"),
    (content(backend={"breaker": BREAKER | {"status_codes": [[500]]}}), "status_codes[0]: this is not a status"),
    (content(backend={"breaker": BREAKER | {"status_codes": [[500, "x"]]}}), "write one such as 429 or a range"),
    (content(backend={"kind": "existing", "url": "https://u:pw@h"}), "url: https://***@h contains a user name or"),
    (content(backend={"kind": "existing", "url": "http://[::1"}), "kind existing needs `url`"),
    (content(backend={"kind": "existing", "url": "http://h:99999"}), "kind existing needs `url`"),
    (content(api={"named_values": {"to": ""}}), "api.named_values.to: "),
    (content(api={"named_values": {"to": "x" * 4097}}), "api.named_values.to: "),
    (content(backend={"name": "a", "kind": "openai"}), "name: 'a' is too short; the name of an account has at least 2"),
    (content(api={"named_values": {"to": "https://u:pw@h"}}), "to: https://***@h contains a user name or password"),
    (content(model={"version": 613}), "model.version: must be text, not 613; write it in quotes"),
    (content(gateway={"name": "g", "api_version": "latest"}), "'latest' has the wrong form. ARM's api-version for"),
    (
        content(gateway={"name": "g", "api_version": "2024-05-01"}, pool={"failure_response": 429}),
        "gateway.api_version: 2024-05-01 has no failure_response; use 2025-09-01-preview",
    ),
    (content(gateway={"name": "g", "identity": "mine"}), "'mine' has the wrong form. Managed identity that calls"),
    (content(api={"subscription": "mater"}), "api.subscription: must be one of api, master, not 'mater'; did you mean"),
    (content(gateway={"name": "-g"}), "'-g' has the wrong form. Service name: 1-50 letters"),
    (content(backends=[{"name": f"b{n}"} for n in range(31)]), "backends: has 31 entries; at most 30"),
    ("a: !!int x", "line 1, column 4: this value cannot be read as !!int"),
    ("a: " + "9" * 5000, "line 1, column 4: this value cannot be read as !!int"),
    ("a: !!bool maybe", "line 1, column 4: this value cannot be read as !!bool"),
    (content(local={"breaker_window": "wobbling"}), "local.breaker_window: "),
    (
        content(local={"breaker_windw": "sliding"}),
        "local.breaker_windw: unknown key; did you mean 'breaker_window'?",
    ),
    (content(api={"policy": "missing.xml"}), "api.policy: policy 'missing.xml' not found"),
    (content(name=""), "name: "),
    (content(local=None), "local: "),
    ("name: x\nname: y\n", "line 2, column 1: duplicate key 'name' (first on line 1)"),
    ("a: &x [1]\nb: *x\n", "aliases (*name) are not accepted here"),
    ("a: [1\n", "line 2"),
    ("[1, 2]", "a lab must be a YAML mapping"),
    ("", "a lab must be a YAML mapping"),
    ("a: \x07", "not YAML"),
    ("? [1, 2]\n: 3\n", "expected a key here"),
    ("x: " + "[" * 5000, "nested too deeply"),
    ("#" * 1_000_001, "too large"),
]


@pytest.mark.parametrize(("bad", "words"), BAD, ids=range(len(BAD)))
def test_a_bad_lab_names_file_field_fault_and_remedy(bad: Any, words: str, write: Any) -> None:
    path = write(bad)
    with pytest.raises(BadInput) as caught:
        load_lab(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_mistakes_are_reported_at_once(write: Any) -> None:
    path = write(content(name="", colour="red", backend={"breaker": BREAKER | {"count": 0}}))
    with pytest.raises(BadInput) as caught:
        load_lab(path)
    assert len(str(caught.value).splitlines()) == 3


def test_a_missing_lab_lists_the_built_in_ones() -> None:
    with pytest.raises(BadInput, match=r"lab 'nosuch' not found: .*quick, quota, seed"):
        load_lab("nosuch")


def test_a_lab_that_is_nearly_named_is_suggested() -> None:
    with pytest.raises(BadInput, match=r"lab 'quik' not found: .*did you mean 'quick'\? Built-in lab names: envoy"):
        load_lab("quik")


def test_a_lab_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_lab(tmp_path / "x.yaml")


def test_a_policy_is_looked_up_from_the_labs_own_folder(write: Any) -> None:
    path = write(content(api={"policy": "own.xml"}))
    (path.parent / "own.xml").write_text("<policies/>")
    assert policy_path(load_lab(path), path) == path.parent / "own.xml"


@pytest.mark.parametrize("version", ["v1", "2024-10-21", "2025-04-01-preview"])
def test_the_api_version_is_v1_or_a_date(version: str) -> None:
    assert Lab.model_validate(content(api={"version": version})).api.version == version


def test_session_affinity_needs_a_pool(write: Any) -> None:
    path = write("name: x\ngateway: {name: g}\nbackends: [{name: b}]\npool: {session_affinity: SessionId}\n")
    with pytest.raises(BadInput, match=r"pool\.session_affinity: one backend makes no pool; add another"):
        load_lab(path)
