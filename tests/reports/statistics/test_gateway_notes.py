"""The notes about a gateway of another kind: its rule in its own terms, and a warning if nothing fits its profile."""

from __future__ import annotations

from typing import Any

import pytest

from reports.statistics.gateway_notes import gateway_notes
from tests.reports.runs import TRIP, lab_of, play
from tripcurve.lab import Lab


def notes_of(kind: str, played_as: Lab | None = None, **more: Any) -> list[str]:
    """The notes of a virtual run whose lab says that the gateway is of this kind."""
    run = play(lab_of() if played_as is None else played_as, TRIP)
    gateway = {"name": "g", "kind": kind, **more}
    lab = Lab.model_validate({**run.lab.model_dump(mode="json"), "gateway": gateway})
    object.__setattr__(run, "lab", lab)
    return gateway_notes(run)


def test_a_run_of_the_default_kind_has_none() -> None:
    assert notes_of("apim") == []


def test_the_rule_is_stated_in_the_gateways_terms() -> None:
    notes = notes_of("envoy")
    assert notes[0].startswith("Envoy's rule for m1: consecutive_5xx 3, interval 0.02, base_ejection_time 1.0")
    assert "error_statuses 429" in notes[0]
    assert any(note.startswith("not expressed: interval: Envoy counts errors in a row") for note in notes)


def test_a_single_deployment_is_named_where_it_never_cools_down() -> None:
    assert any(note.startswith("LiteLLM does not cool down the only deployment") for note in notes_of("litellm"))


@pytest.mark.parametrize("recognised", [True, False])
def test_a_profile_that_matches_nothing_is_named_with_the_remedy(recognised: bool) -> None:
    answers = {"title": "Nimbus", "shed": {"statuses": [503], "body": "x"}, "unmarked": "backend"}
    run = play(lab_of(), TRIP)
    lab = Lab.model_validate(
        {**run.lab.model_dump(mode="json"), "gateway": {"name": "g", "kind": "generic", "answers": answers}}
    )
    object.__setattr__(run, "lab", lab)
    if not recognised:
        run.tally.kinds["origin"], run.tally.kinds["backend"] = "backend", None
    found = [note for note in gateway_notes(run) if "looks like one of Nimbus" in note]
    assert [note.endswith("check gateway.kind and the headers in the lab, and run again") for note in found] == (
        [] if recognised else [True]
    )
