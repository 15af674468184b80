"""Finding a handler by path."""

from __future__ import annotations

import pytest

from provision.local.arm.call import Answer, ArmCall
from provision.local.arm.crud import merge
from provision.local.arm.errors import ArmError
from provision.local.arm.router import Router
from provision.local.arm.store import Resource, Store


async def one(call: ArmCall) -> Answer:
    return Answer(200)


async def two(call: ArmCall) -> Answer:
    return Answer(200)


def test_paths_compare_without_case_and_parameters_keep_their_case() -> None:
    router = Router()
    router.add("GET", "/subscriptions/{s}/resourceGroups/{g}", one)
    assert router.find("GET", "/SUBSCRIPTIONS/a/resourcegroups/MyGroup") == (one, {"s": "a", "g": "MyGroup"})


def test_a_literal_takes_precedence_over_a_parameter() -> None:
    router = Router()
    router.add("GET", "/things/{name}", one)
    router.add("GET", "/things/all", two)
    assert router.find("GET", "/things/all")[0] is two
    assert router.find("GET", "/things/other")[0] is one


def test_a_scope_is_everything_before_the_provider() -> None:
    router = Router()
    router.add("PUT", "{scope*}/providers/X/roles/{name}", one)
    handler, params = router.find("PUT", "/subscriptions/s/resourceGroups/g/providers/X/roles/r")
    assert (handler, params) == (one, {"scope": "/subscriptions/s/resourceGroups/g", "name": "r"})


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "/a/b", 405), ("GET", "/a", 404), ("GET", "/a//", 404)])
def test_a_path_without_a_route_is_refused(method: str, path: str, status: int) -> None:
    router = Router()
    router.add("GET", "/a/{b}", one)
    with pytest.raises(ArmError) as caught:
        router.find(method, path)
    assert caught.value.status == status


def test_two_handlers_for_one_route_are_a_mistake() -> None:
    router = Router()
    router.add("GET", "/a", one)
    with pytest.raises(ValueError, match="two handlers"):
        router.add("GET", "/a", two)


def test_a_patch_merges_objects_replaces_lists_and_takes_out_nulls() -> None:
    old = {"a": {"x": 1, "y": 2}, "list": [1, 2], "gone": 1}
    assert merge(old, {"a": {"y": 3}, "list": [9], "gone": None}) == {"a": {"x": 1, "y": 3}, "list": [9]}


def test_removing_a_resource_removes_its_children_and_no_resource_of_a_similar_name() -> None:
    store = Store()
    for name in ("/a/b", "/a/b/c/d", "/a/bb"):
        store.put(Resource(name, "k", name, {}))
    assert [gone.id for gone in store.remove("/A/B")] == ["/a/b", "/a/b/c/d"]
    assert store.get("/a/bb") is not None
    assert store.get("/a/b/c/d") is None
