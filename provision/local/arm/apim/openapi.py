"""Read the operations of an API from OpenAPI 3 and Swagger 2 documents."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from provision.local.arm.call import Json
from provision.local.arm.errors import validation_error

__all__ = ["LINKS", "Imported", "read_document"]

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
_INLINE = {"openapi", "openapi+json", "swagger-json"}
# Formats that name an address, each with the format of the document there.
LINKS = {
    "openapi-link": "openapi",
    "openapi+json-link": "openapi+json",
    "swagger-link-json": "swagger-json",
    "swagger-link": "swagger-json",
}
_LARGEST = 4_000_000
# Addresses of Azure's published Azure OpenAI documents, of which the local cloud has a copy.
_KNOWN_LINK = re.compile(
    r"https://[^/]+/.*AzureOpenAI/inference/(?:stable|preview)/(?P<version>[\d]{4}-[\d]{2}-[\d]{2}(?:-preview)?)/inference\.(?:json|yaml)"
)
SPECS = Path(__file__).resolve().parents[3] / "specs"


@dataclass(frozen=True, slots=True)
class Imported:
    """An API as its document describes it. `server` is None if the document names none."""

    title: str | None
    description: str | None
    server: str | None
    operations: list[Json]


def read_document(form: str, value: Any) -> Imported:
    """Read a document that is given inline or by a link of which the local cloud has a copy. Raises ArmError 400."""
    if not isinstance(value, str) or not value:
        raise validation_error(("value", "An import needs the document, or its link, as text in 'value'."))
    if form in LINKS:
        return _imported(_parse(_linked(value)))
    if form in _INLINE:
        return _imported(_parse(value))
    raise validation_error(
        ("format", f"Format '{form}' is not supported; choose {', '.join(sorted({*_INLINE, *LINKS}))}.")
    )


def _linked(link: str) -> str:
    known = _KNOWN_LINK.fullmatch(link)
    if known is None:
        raise validation_error(
            (
                "value",
                f"Unable to read the document at '{link}': the local cloud has copies of Azure's own Azure OpenAI "
                "documents only. Import the document inline instead.",
            )
        )
    for name in (f"azure-openai-{known['version']}.json", "azure-openai-2024-02-01.json"):
        if (SPECS / name).is_file():
            return (SPECS / name).read_text(encoding="utf-8")
    raise validation_error(("value", f"The local cloud has no copy of the document at '{link}'."))


def _parse(text: str) -> Json:
    if len(text) > _LARGEST:
        raise validation_error(("value", f"The document has {len(text)} characters; at most {_LARGEST}."))
    try:
        parsed = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise validation_error(("representation", f"Parsing error(s): the document cannot be read: {error}")) from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("paths"), dict):
        raise validation_error(("representation", "Parsing error(s): the document has no 'paths'."))
    version = str(parsed.get("openapi", ""))
    if version.startswith("3.1"):  # API Management reads 3.0 and Swagger 2 only [SPECS-35062]
        raise validation_error(
            ("representation", f"Parsing error(s): OpenAPI specification version '{version[:20]}' is not supported.")
        )
    return parsed


def _imported(document: Json) -> Imported:
    info = document.get("info") if isinstance(document.get("info"), dict) else {}
    operations = [
        _operation(path, method, item, document)
        for path, item in document["paths"].items()
        if isinstance(item, dict)
        for method in _METHODS
        if isinstance(item.get(method), dict)
    ]
    names = [str(operation["name"]).lower() for operation in operations]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise validation_error(("representation", f"Two operations have the id '{twice[0]}'."))
    title = info.get("title") if info else None
    return Imported(title, info.get("description") if info else None, _server(document), operations)


def _server(document: Json) -> str | None:
    servers = document.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], dict):
        url = str(servers[0].get("url", ""))
        return url if url.startswith(("http://", "https://")) and "{" not in url else None
    if document.get("host"):
        scheme = (document.get("schemes") or ["https"])[0]
        return f"{scheme}://{document['host']}{document.get('basePath', '')}"
    return None


def _operation(path: str, method: str, item: Json, document: Json) -> Json:
    described = item[method]
    shared = [*(item.get("parameters") or []), *(described.get("parameters") or [])]
    parameters = [_resolve(parameter, document) for parameter in shared]
    name = _identifier(str(described.get("operationId") or f"{method}{path}"))
    return {
        "name": name,
        "properties": {
            "displayName": str(described.get("summary") or described.get("operationId") or name)[:300],
            "method": method.upper(),
            "urlTemplate": path,
            "templateParameters": [_parameter(found) for found in parameters if found.get("in") == "path"],
            "description": described.get("description"),
            "request": {
                "queryParameters": [_parameter(found) for found in parameters if found.get("in") == "query"],
                "headers": [],
                "representations": [],
            },
            "responses": [{"statusCode": int(c)} for c in described.get("responses") or {} if str(c).isdigit()],
            "policies": None,
        },
    }


def _identifier(text: str) -> str:
    """Return an operation id in which hyphens replace the characters that ARM does not accept."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:80]


def _parameter(found: Json) -> Json:
    schema = found.get("schema") if isinstance(found.get("schema"), dict) else found
    kind = schema.get("type") if schema is not None else None
    required = bool(found.get("required")) or found.get("in") == "path"
    return {"name": str(found.get("name")), "required": required, "type": kind or "string", "values": []}


def _resolve(parameter: Any, document: Json) -> Json:
    """Return a parameter, following one `#/…` reference; empty if it cannot be read."""
    if not isinstance(parameter, dict):
        return {}
    reference = parameter.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return parameter
    found: Any = document
    for part in reference[2:].split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
