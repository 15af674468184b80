"""Builds the gateway of a lab with the Azure SDK, on Azure or on the local cloud.

One code path for both; they differ in endpoint and credential. The SDK is imported when a
call needs it.
"""

from provision.lifecycle.apply import plan_lab, provision_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.smoke import smoke_lab
from provision.lifecycle.state import StateFile
from provision.lifecycle.status import rule_in_force, status_lab
from provision.resources.clouds import Cloud, azure, local

__all__ = [
    "Cloud",
    "StateFile",
    "azure",
    "down_lab",
    "local",
    "plan_lab",
    "provision_lab",
    "rule_in_force",
    "smoke_lab",
    "status_lab",
]
