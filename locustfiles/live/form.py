"""Limits the start form to choices: lab, scenario and target can be selected, and nothing else can be set."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locust.argument_parser import ui_extra_args_dict

from tripcurve.lab import LABS
from tripcurve.scenario import SCENARIOS
from tripcurve.shipped import shipped_names

__all__ = ["Choices", "choices_of"]

_LOCUSTS_OWN = frozenset({"host", "user_classes", "profile", "run_time", "spawn_rate"})
TARGETS = ("local", "azure")
_LABELS = {
    "lab": "What is tested; --lab FILE adds your own",
    "scenario": "Traffic and faults; --scenario FILE adds your own",
    "target": "local: a gateway on this machine; azure: a lab that is up; --target URL adds a URL",
}


def choices_of(name: str, given: str) -> list[str]:
    """Return the values the form offers for an option: those that ship, and the one on the command line."""
    known = {"lab": lambda: shipped_names(LABS, ".yaml"), "scenario": lambda: shipped_names(SCENARIOS, ".yaml")}
    offered = known[name]() if name in known else list(TARGETS)
    return offered if given in offered else [given, *offered]


@dataclass(frozen=True)
class Choices:
    """The values the page may start a run with, by option, and the options it must not set.

    They are fixed when the process starts: a form that was accepted must not widen what the next one may say.
    """

    allowed: dict[str, list[str]]
    hidden: frozenset[str]

    @classmethod
    def of(cls, options: Namespace) -> Choices:
        """Return the choices that a command line allows."""
        given = vars(options)
        allowed = {name: choices_of(name, given[name]) for name in _LABELS}
        return cls(allowed, frozenset(given) - frozenset(ui_extra_args_dict()) - _LOCUSTS_OWN)

    def problem(self, form: Mapping[str, str]) -> str | None:
        """Return why a start form is refused, or None if every field of it is allowed."""
        for name, value in form.items():
            if name in self.hidden:
                return f"{name} can only be set on the command line"
            if name in self.allowed and value not in self.allowed[name]:
                return f"{name} must be one of {', '.join(self.allowed[name])}; --{name} on the command line adds one"
        return None

    def offer(self, template_args: dict[str, Any]) -> None:
        """Change, in place, the description of our options that Locust gives its page."""
        options = template_args.get("extra_options", {})
        for name, label in _LABELS.items():
            if name in options:
                options[name] |= {"choices": self.allowed[name], "help_text": label}
        # Users get their address from the target; Locust would ask for a host.
        template_args["missing_host_warning"] = False
