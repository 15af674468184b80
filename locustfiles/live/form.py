"""The start form: lab, scenario and target to choose from, instead of text to type."""

from __future__ import annotations

from typing import Any

from tripcurve.lab import LABS
from tripcurve.scenario import SCENARIOS
from tripcurve.shipped import shipped_names

__all__ = ["choices_of", "offer_choices"]

TARGETS = ("local", "azure")
_LABELS = {
    "lab": "What is tested; --lab FILE adds your own",
    "scenario": "Traffic and faults; --scenario FILE adds your own",
    "target": "local: a gateway on this machine; azure: a lab that is up; --target URL adds a URL",
}


def choices_of(name: str, given: str) -> list[str]:
    """What the form offers for an option: what ships, and what the command line gave."""
    known = {"lab": lambda: shipped_names(LABS, ".yaml"), "scenario": lambda: shipped_names(SCENARIOS, ".yaml")}
    offered = known[name]() if name in known else list(TARGETS)
    return offered if given in offered else [given, *offered]


def offer_choices(template_args: dict[str, Any]) -> None:
    """Change what Locust tells its page of our options, in place."""
    options = template_args.get("extra_options", {})
    for name, label in _LABELS.items():
        if name in options:
            given = options[name]["default_value"]
            options[name] |= {"choices": choices_of(name, given), "help_text": label}
    # Users get their address from the target; Locust would ask for a host.
    template_args["missing_host_warning"] = False
