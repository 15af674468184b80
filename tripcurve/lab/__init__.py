"""The lab file: a gateway, its backends and their breaker rules, read from YAML and checked.

`Lab` is the whole file and `load_lab` reads it; `BreakerRule` is one backend's rule and `LocalOptions` the lab's
`local:` block. `tripcurve.gateways` has a profile for each kind of gateway.
"""

from tripcurve.lab.gateway import KINDS, MOST_UNITS, Gateway, Publisher
from tripcurve.lab.loading import load_lab, policy_path
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.model import LABS, POLICIES, Api, Backend, Existing, Lab, Latency, Limits, Model, Pool
from tripcurve.lab.rule import BreakerRule, StatusRange

__all__ = [
    "KINDS",
    "LABS",
    "MOST_UNITS",
    "POLICIES",
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
]
