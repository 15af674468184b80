"""Portkey's open gateway: it reads a breaker's settings (`cb_config`), but the part that opens it is not in it."""

from __future__ import annotations

from tripcurve.gateways.profile import Expression, GatewayProfile, Pattern, Truth
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.model import Lab
from tripcurve.lab.rule import BreakerRule

__all__ = ["profile"]


def profile(lab: Lab) -> GatewayProfile:
    """Return Portkey's profile. Every answer is a backend's, except those that report an exception of its own."""
    return GatewayProfile(
        kind="portkey",
        title="Portkey",
        sheds=Pattern(((503, 503),), headers={"x-portkey-gateway-exception": "^true$"}),
        unmarked="backend",
        key_header="authorization",
        counting="none",
        options=LocalOptions(),
        in_turns=False,
        truth=Truth(False, "the open gateway has no breaker, so there is nothing to record"),
        install="npm install @portkey-ai/gateway",
        express=express,
    )


def express(rule: BreakerRule) -> Expression:
    """Return an empty expression: the open gateway reads a target's state and never sets it [PORTKEY-SRC]."""
    return Expression(not_expressed=("the whole rule: the open gateway never marks a target as open",))
