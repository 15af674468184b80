"""The lab file: a gateway, its backends and their breaker rules, read from YAML and checked.

`Lab` is the whole file and `load_lab` reads it; `BreakerRule` is one backend's rule and `LocalOptions` the lab's
`local:` block.
"""

from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.model import (
    LABS,
    MOST_UNITS,
    POLICIES,
    Api,
    Backend,
    Existing,
    Gateway,
    Lab,
    Latency,
    Limits,
    Model,
    Pool,
    Publisher,
    load_lab,
    policy_path,
)
from tripcurve.lab.rule import BreakerRule, StatusRange
from tripcurve.lab.sheds import UNAVAILABLE, stated_shed_statuses

__all__ = [
    "LABS",
    "MOST_UNITS",
    "POLICIES",
    "UNAVAILABLE",
    "Api",
    "Backend",
    "BreakerRule",
    "Existing",
    "Gateway",
    "Lab",
    "Latency",
    "Limits",
    "LocalOptions",
    "Model",
    "Pool",
    "Publisher",
    "StatusRange",
    "load_lab",
    "policy_path",
    "stated_shed_statuses",
]
