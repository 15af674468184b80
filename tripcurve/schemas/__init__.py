"""JSON schemas of labs and scenarios (for editors), of summary.json, and of the output of `tripcurve report --json`.

`python -m tripcurve.schemas` generates them from the models.

An editor finds the schema by a first line such as `# yaml-language-server:
$schema=../../tripcurve/schemas/lab.schema.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from tripcurve.lab import Lab
from tripcurve.run.report_output import ReportOutput
from tripcurve.run.summary import Summary
from tripcurve.scenario import Scenario

__all__ = ["FOLDER", "MODELS", "schema_text", "write_schemas"]

FOLDER = Path(__file__).parent
MODELS: dict[str, type[BaseModel]] = {"lab": Lab, "scenario": Scenario, "summary": Summary, "report": ReportOutput}


def schema_text(name: str) -> str:
    """Return the text of a published schema: `lab`, `scenario`, `summary` or `report`."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | MODELS[name].model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path = FOLDER) -> list[Path]:
    """Write every schema into a folder and return the paths of the files."""
    written = []
    for name in MODELS:
        path = folder / f"{name}.schema.json"
        path.write_text(schema_text(name), "utf-8")
        written.append(path)
    return written
