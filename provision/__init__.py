"""Builds the gateway of a lab with the Azure SDK, on Azure or on the local cloud.

One code path for both; they differ in endpoint and credential. The SDK is imported when a
call needs it.
"""

from provision.apply import plan_lab, provision_lab
from provision.clouds import Cloud, azure, local
from provision.down import down_lab
from provision.smoke import smoke_lab
from provision.state import StateFile
from provision.status import rule_in_force, status_lab

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
