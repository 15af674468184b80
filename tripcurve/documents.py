"""Read a YAML document into a pydantic model and name every mistake with its place and remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tripcurve.errors import BadInput
from tripcurve.field_errors import field_errors

__all__ = ["FaultyDocument", "Mistake", "place_of", "read_document", "read_mapping", "write_yaml"]

Model = TypeVar("Model", bound=BaseModel)
LARGEST_BYTES = 1_000_000  # a lab or scenario is a page of text; more is a mistake or an attack


class Mistake(NamedTuple):
    """One mistake and its place. `line` and `column` count from 1."""

    line: int
    column: int
    message: str


class FaultyDocument(BadInput):
    """A document with mistakes. Each line of the message names the file."""

    def __init__(self, message: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__(message)
        self.mistakes = tuple(mistakes)


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses duplicate keys, and aliases, with which a small file can expand without end.

    Every value that does not fit its tag, such as `!!int x`, is a YAMLError with its line.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # untyped in the stubs
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not accepted here", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, ArithmeticError):
            problem = f"this value cannot be read as !!{str(node.tag).rsplit(':', 1)[-1]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

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

    Raises FaultyDocument with one line per mistake: the file, the field's path (`backends[0].breaker.interval`), what
    is wrong, and what would be right. Raises BadInput if the file is not readable, or not a mapping.
    """
    content = read_mapping(path, what)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = field_errors(error, model)
        text = path.read_text("utf-8")
        places = [Mistake(*place_of(text, each.field), str(each)) for each in found]
        raise FaultyDocument("\n".join(f"{path}: {each}" for each in found), places) from None


def read_mapping(path: Path, what: str) -> dict[Any, Any]:
    """Read a YAML file and return its mapping unchecked. Raises BadInput if it is not readable, or not a mapping."""
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
        mistake = _yaml_mistake(error)
        place = f"line {mistake.line}, column {mistake.column}: " if isinstance(error, yaml.MarkedYAMLError) else ""
        raise FaultyDocument(f"{path}: {place}{mistake.message}", [mistake]) from None
    except RecursionError:
        raise BadInput(f"{path}: nested too deeply for a {what}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: a {what} must be a YAML mapping that begins with `name:`")
    return content


def write_yaml(model: BaseModel) -> str:
    """Return the model as YAML with every default filled in, in the order of the model's fields."""
    return yaml.safe_dump(model.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def place_of(text: str, field: str) -> tuple[int, int]:
    """Return line and column, from 1, of a field such as `backends[0].breaker` in a valid YAML text.

    For a field that the text does not have, this is the place of the innermost mapping or list that should have it.
    """
    node = yaml.compose(text, Loader=_Loader)
    if node is None:
        return 1, 1
    mark = node.start_mark
    for index, key in re.findall(r"\[(\d+)\]|([^.\[\]]+)", field):
        if index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
            node = node.value[int(index)]
            mark = node.start_mark
        elif isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == key]
            if not found:
                break
            mark, node = found[0][0].start_mark, found[0][1]
        else:
            break
    return mark.line + 1, mark.column + 1


def _yaml_mistake(error: yaml.YAMLError) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return Mistake(mark.line + 1, mark.column + 1, str(error.problem))
    return Mistake(1, 1, f"not YAML: {error}")
