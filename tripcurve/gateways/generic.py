"""A gateway that the lab itself describes, in `gateway.answers`."""

from __future__ import annotations

from tripcurve.gateways.profile import GatewayProfile, OtherAnswer, Pattern, Truth, Wait, no_refusal
from tripcurve.lab.answers import AnswerPattern
from tripcurve.lab.model import Lab

__all__ = ["profile"]

_UNIT_US = {"s": 1e6, "ms": 1e3, "us": 1.0}


def profile(lab: Lab) -> GatewayProfile:
    """Return the profile that the lab's `gateway.answers` describes. Its rule is taken to be the lab's."""
    answers = lab.gateway.answers
    assert answers is not None  # noqa: S101  # the lab's own check
    return GatewayProfile(
        kind="generic",
        title=answers.title,
        sheds=_pattern(answers.shed),
        others=tuple(
            OtherAnswer(name, _pattern(pattern), "as the lab describes it") for name, pattern in answers.others.items()
        ),
        backend_headers=tuple(name.lower() for name in answers.backend_headers),
        backend_marks=tuple(name.lower() for name in answers.backend_marks),
        wait=None if answers.wait is None else Wait(answers.wait.header.lower(), _UNIT_US[answers.wait.unit]),
        unmarked=answers.unmarked,
        key_header=answers.key_header.lower(),
        counting="window",
        options=lab.local,
        in_turns=False,
        retries=True,
        truth=Truth(False, "nothing is known of its record"),
        express=no_refusal,
    )


def _pattern(described: AnswerPattern) -> Pattern:
    headers = {name.lower(): value for name, value in described.headers.items()}
    return Pattern(described.statuses, headers, described.body)
