"""What is planned from what is there: field by field, and never on what is not ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from provision.lifecycle.plan import Step, make_plan
from provision.lifecycle.state import State, StateFile
from provision.resources.api import normalise
from provision.resources.base import TAG, UNKNOWN, Context, Fields, Found, Resource, SoftDeleting
from provision.resources.clients import Clients
from provision.resources.differences import differences
from tests.provision.samples import AZURE, lab
from tripcurve.errors import BadInput, TargetUnavailable

CONTEXT = Context(lab(), AZURE, Clients(AZURE), Path("policy.xml"))
OURS = {TAG: "quick"}


class Thing(Resource):
    """A resource whose desired and found fields a test writes down."""

    type = "thing"
    fixed: ClassVar[Mapping[str, str]] = {"place": "things[].place"}
    hidden = frozenset({"secret"})
    taggable = True
    wanted: Fields
    there: Found | None = None
    word: bool = False

    @property
    def id(self) -> str:
        return f"/things/{self.name}"

    @property
    def declared(self) -> bool:
        return self.word

    @property
    def declare_with(self) -> str:
        return "existing: {thing: true}"

    def desired(self) -> Fields:
        return self.wanted

    def read(self) -> Found | None:
        return self.there

    def put(self, found: Found | None) -> None:
        raise AssertionError("a plan changes nothing")

    def delete(self) -> None:
        raise AssertionError("a plan changes nothing")


class Kept(Thing, SoftDeleting):
    """One whose name stays taken after deletion."""

    type = "kept thing"
    held_by: str | None = None

    def holder(self) -> str | None:
        return self.held_by

    def purge(self) -> None:
        raise AssertionError("a plan changes nothing")

    def purge_command(self) -> str:
        return "az thing purge"


def _thing(wanted: Fields, there: Found | None, *, declared: bool = False, kind: type[Thing] = Thing) -> Thing:
    thing = kind(CONTEXT, "t")
    thing.wanted, thing.there, thing.word = wanted, there, declared
    return thing


def _state() -> State:
    return StateFile.in_memory(lab(), AZURE).load()


def _plan(thing: Resource, state: State | None = None) -> Step:
    return make_plan([thing], [], _state() if state is None else state)[0]


@pytest.mark.parametrize(
    ("found", "desired", "changes"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": 1, "b": 2}, {"a": 1}, []),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, [("a.y", 2, 3)]),
        ({"a": {"x": 1, "z": 4}}, {"a": {"x": 1}}, [("a.z", 4, None)]),
        ({"a": None}, {"a": {"x": 1}}, [("a.x", None, 1)]),
        ({"a": {"x": 1}}, {"a": None}, [("a.x", 1, None)]),
        ({"a": "known"}, {"a": UNKNOWN}, []),
        ({}, {"a": None}, []),
    ],
)
def test_differences_are_reported_field_by_field(found: Fields, desired: Fields, changes: list[Any]) -> None:
    assert [(change.field, change.old, change.new) for change in differences(found, desired)] == changes


def test_a_missing_resource_is_created_with_its_fields() -> None:
    action = _plan(_thing({"a": 1, "b": None}, None)).action
    assert (action.action, action.ours) == ("create", True)
    assert [(change.field, change.new) for change in action.changes] == [("a", 1)]


def test_our_resource_that_differs_is_changed() -> None:
    action = _plan(_thing({"a": 2}, Found({"a": 1}, tags=OURS))).action
    assert (action.action, action.ours) == ("change", True)


def test_a_resource_that_is_being_created_is_waited_for() -> None:
    assert _plan(_thing({"a": 2}, Found({"a": None}, tags=OURS, state="Activating"))).action.action == "wait"


def test_a_resource_whose_creation_failed_is_created_again() -> None:
    action = _plan(_thing({"a": 1}, Found({"a": 1}, tags=OURS, state="Failed"))).action
    assert (action.action, action.changes[0].field) == ("change", "provisioning state")


@pytest.mark.parametrize("tags", [{}, {TAG: "another"}])
def test_a_resource_of_others_is_used_if_it_fits(tags: dict[str, str]) -> None:
    action = _plan(_thing({"a": 1}, Found({"a": 1}, tags=tags))).action
    assert (action.action, action.ours) == ("leave", False)


@pytest.mark.parametrize(("tags", "owner"), [({}, "existed before"), ({TAG: "another"}, "belongs to lab another")])
def test_a_resource_of_others_is_never_changed(tags: dict[str, str], owner: str) -> None:
    with pytest.raises(BadInput, match=f"thing t {owner}.*\\(a\\).*\nnothing was changed"):
        _plan(_thing({"a": 2}, Found({"a": 1}, tags=tags)))


def test_a_costly_resource_of_others_is_used_only_if_the_lab_says_so() -> None:
    with pytest.raises(BadInput, match=r"write `existing: \{thing: true\}`"):
        _plan(_thing({"a": 1}, Found({"a": 1}, tags={}), kind=Kept))
    action = _plan(_thing({"a": 1}, Found({"a": 1}, tags={}), kind=Kept, declared=True)).action
    assert (action.action, action.ours) == ("leave", False)


def test_a_resource_that_the_lab_says_exists_but_does_not_is_refused() -> None:
    with pytest.raises(BadInput, match="says that it exists, but it does not"):
        _plan(_thing({"a": 1}, None, declared=True))


@pytest.mark.parametrize("tags", [OURS, {}])
def test_a_field_that_cannot_change_is_a_contradiction_that_names_the_labs_key(tags: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=r"place here, the lab says there.*set things\[\].place to here"):
        _plan(_thing({"place": "there"}, Found({"place": "here"}, tags=tags)))


def test_a_secret_field_is_compared_and_never_shown() -> None:
    action = _plan(_thing({"secret": "new-value"}, Found({"secret": "old-value"}, tags=OURS))).action
    assert action.action == "change"
    assert "value" not in action.model_dump_json()


def test_a_name_held_by_a_soft_deleted_twin_is_refused_with_the_command_that_frees_it() -> None:
    thing = _thing({"a": 1}, None, kind=Kept)
    assert isinstance(thing, Kept)
    thing.held_by = "/things/old"
    with pytest.raises(TargetUnavailable, match=r"held by a soft-deleted one .*\n    az thing purge"):
        _plan(thing)
    state = _state()
    state.deleted.append(thing.id)
    with pytest.raises(TargetUnavailable, match="\n    tripcurve down quick --purge"):
        _plan(thing, state)


def test_a_part_is_ours_if_its_parent_is_or_if_the_state_file_lists_it() -> None:
    whole = _thing({}, Found({}, tags={}))
    part = Thing(CONTEXT, "part", whole)
    part.wanted, part.there = {"a": 1}, Found({"a": 2})
    with pytest.raises(BadInput, match="thing part existed before"):
        make_plan([whole, part], [], _state())
    recorded = _state()
    recorded.will_create(part.id)
    assert make_plan([whole, part], [], recorded)[1].action.action == "change"
    whole.there = Found({}, tags=OURS)
    assert make_plan([whole, part], [], _state())[1].action.action == "change"


def test_an_orphan_is_deleted_and_one_that_is_gone_is_not_mentioned() -> None:
    gone, still = _thing({}, None), _thing({}, Found({}, tags=OURS))
    steps = make_plan([], [gone, still], _state())
    assert [step.action.action for step in steps] == ["delete"]


def test_policies_that_differ_in_layout_and_comments_only_are_the_same() -> None:
    written = '<policies>\n  <!-- why -->\n  <inbound>\n    <base />\n    <set-header name="a">'
    written = written.replace('"a"', "'a'")
    returned = '<policies>\r\n\t<inbound>\r\n\t\t<base/>\r\n\t\t<set-header name="a">'
    assert normalise(written) == normalise(returned)
    assert normalise(written) != normalise(written.replace("'a'", "'b'"))
