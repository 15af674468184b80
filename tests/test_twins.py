"""The test of a file is found by name: tests/x/test_y.py tests x/y.py, the room x/y, or an aspect of one (test_y_z.py).

Tests of a whole room are listed here by folder, because they ask the room from outside and not one of its files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WHOLE_ROOMS = {
    "conformance": {"breaker", "gateway", "kit", "pool", "programs", "streaming"},
    "e2e": {
        *("bad_input", "exit_codes", "first_steps", "gateways", "instances", "openai_clients", "probing"),
        *("repeats", "run", "seed", "session_affinity", "sheds"),
    },
    "faults": {"disks", "injection", "targets"},
    "fuzz": {"documents", "http", "policies", "run_directories"},
    "locustfiles/scenarios": {"scenarios"},
    "provision": {
        *("awkwardness", "contract", "existing_locally", "interruptions", "outputs", "ownership", "secrets"),
        *("resource_types", "specification"),
    },
    "provision/local": {"azure_cli", "whole"},
    "provision/local/apim/expressions": {"bounds", "context", "members", "shapes"},
    "provision/local/apim/policies": {"flow", "messages", "refusals"},
    "provision/local/arm": {"async_clients", "hostile_bodies"},
    "provision/local/gateway": {
        *("bodies", "breaking", "forwarding", "garbage", "hostile"),
        *("options", "process", "soak", "tls"),
    },
    "provision/local/mock": {"bad_input", "options", "sdk"},
    "provision/local/wire": {"fuzz", "refusals"},
    "reports": {"notebook"},
    "reports/render": {"browser"},
    "simulator/published": {"markov_chain", "retries"},
}


def has_twin(folder: Path, subject: str) -> bool:
    """Return whether the folder has a file or a room named for the subject or for the first words of it."""
    words = subject.split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return any((folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file() for name in names)


def subjects() -> list[tuple[str, str]]:
    """Return folder and subject of each test file that belongs to a room."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    found = [(path.parent.relative_to(ROOT / "tests").as_posix(), path.stem.removeprefix("test_")) for path in paths]
    return [(folder, subject) for folder, subject in found if folder != "."]


def test_every_test_file_has_a_twin_or_tests_a_whole_room() -> None:
    others = [
        (folder, subject)
        for folder, subject in subjects()
        if not has_twin(ROOT / folder, subject) and subject not in WHOLE_ROOMS.get(folder, ())
    ]
    assert others == []


def test_the_list_of_whole_rooms_names_only_tests_without_a_twin() -> None:
    listed = {(folder, subject) for folder, names in WHOLE_ROOMS.items() for subject in names}
    assert listed == {(folder, subject) for folder, subject in subjects() if not has_twin(ROOT / folder, subject)}


@pytest.mark.parametrize(
    ("subject", "found"), [("touches", True), ("touches_twice", True), ("touch", False), ("nothing", False)]
)
def test_a_twin_is_found_by_its_name(subject: str, found: bool) -> None:
    assert has_twin(ROOT / "reports" / "trips", subject) == found
