"""Read a YAML document into a pydantic model and name every mistake with its place and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tripcurve.errors import BadInput

__all__ = ["read_document", "write_yaml"]

Model = TypeVar("Model", bound=BaseModel)
LARGEST_BYTES = 1_000_000  # a lab or scenario is a page of text; more is a mistake or an attack


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses duplicate keys, and aliases, with which a small file can expand without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # untyped in the stubs
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not accepted here", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int):
                raise yaml.MarkedYAMLError(problem="expected a key here", problem_mark=key_node.start_mark)
            if key in seen:
                problem = f"duplicate key {key!r} (first on line {seen[key]})"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen[key] = key_node.start_mark.line + 1
        return super().construct_mapping(node, deep)


def _construct_without_dates(loader: _Loader, node: Any) -> str:
    return str(node.value)


# `version: 2024-02-01` is an api-version, not a date.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_without_dates)


def read_document(path: Path, model: type[Model], what: str) -> Model:
    """Read a file and return it as a checked model. `what` names the kind of document in messages.

    Raises BadInput with one line per mistake: the file, the field's path (`backends[0].breaker.interval`), what is
    wrong, and what would be right.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > LARGEST_BYTES:
            raise BadInput(f"{path}: a {what} of {len(raw)} bytes is too large (limit {LARGEST_BYTES})")
        content = yaml.load(raw.decode("utf-8"), Loader=_Loader)  # noqa: S506  # a SafeLoader underneath
    except OSError as error:
        raise BadInput(f"{path}: cannot read this {what}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: this {what} is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: {_yaml_fault(error)}") from None
    except RecursionError:
        raise BadInput(f"{path}: nested too deeply for a {what}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: a {what} must be a YAML mapping that begins with `name:`")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [f"{path}: {_field(fault['loc'])}{_fault_text(fault, model)}" for fault in _own_faults(error)]
        raise BadInput("\n".join(faults)) from None


def write_yaml(model: BaseModel) -> str:
    """Return the model as YAML with every default filled in, in the order of the model's fields."""
    return yaml.safe_dump(model.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _yaml_fault(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return f"not YAML: {error}"


def _own_faults(error: ValidationError) -> list[Any]:
    """Return the errors, without a 'too short' list whose items have errors of their own."""
    found = error.errors(include_url=False)
    places = [fault["loc"] for fault in found]
    return [
        fault
        for fault in found
        if fault["type"] != "too_short"
        or not any(p != fault["loc"] and p[: len(fault["loc"])] == fault["loc"] for p in places)
    ]


def _field(location: tuple[int | str, ...]) -> str:
    """Return `backends[0].breaker: ` for `('backends', 0, 'breaker')`, and nothing for the whole document."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return f"{text}: " if text else ""


def _fault_text(fault: Any, model: type[BaseModel]) -> str:
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return f"unknown key; known keys: {', '.join(_siblings(model, fault['loc'][:-1]))}"
    if kind == "missing":
        return "this key is required"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if kind == "value_error" or isinstance(given, dict | list):
        return message
    return f"{message}, not {given!r}"


def _siblings(model: Any, path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the mapping at `path` accepts, by walking the model's JSON schema."""
    schema: Any = model.model_json_schema()
    definitions = schema.get("$defs", {})
    for part in (None, *path):
        if part is not None:
            schema = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
        for choice in schema.get("anyOf", []):
            if "$ref" in choice or "items" in choice:
                schema = choice
                break
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    return sorted(schema.get("properties", {}))
