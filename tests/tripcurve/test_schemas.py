"""The schemas published for editors."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tripcurve.schemas import FOLDER, MODELS, schema_text, write_schemas

ROOT = Path(__file__).parent.parent.parent
SHIPPED = [("lab", path) for path in sorted((ROOT / "provision" / "labs").glob("*.yaml"))] + [
    ("scenario", path) for path in sorted((ROOT / "locustfiles" / "scenarios").glob("*.yaml"))
]


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema_text(name)))


@pytest.mark.parametrize("name", MODELS)
def test_the_published_file_is_current(name: str) -> None:
    published = (FOLDER / f"{name}.schema.json").read_text("utf-8")
    assert published == schema_text(name), "run `python -m tripcurve.schemas`"


@pytest.mark.parametrize("name", MODELS)
def test_it_is_a_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text(name)))


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_the_built_in_files_satisfy_it(name: str, path: Path) -> None:
    content = yaml.safe_load(path.read_text("utf-8"))
    as_editors_read_it = json.loads(json.dumps(content, default=str))  # YAML 1.2 has no dates
    assert [error.message for error in validator(name).iter_errors(as_editors_read_it)] == []


def test_it_refuses_an_unknown_key() -> None:
    lab = {"name": "x", "gateway": {"name": "g"}, "backends": [{"name": "b", "braker": {}}]}
    assert [error.message for error in validator("lab").iter_errors(lab)] == [
        "Additional properties are not allowed ('braker' was unexpected)"
    ]


def test_writing_names_the_files_written(tmp_path: Path) -> None:
    assert [path.name for path in write_schemas(tmp_path)] == [f"{name}.schema.json" for name in MODELS]
    assert (tmp_path / "lab.schema.json").read_text("utf-8") == schema_text("lab")
