"""Builds the gateway of a lab with the Azure SDK, on Azure or on the local cloud.

One code path for both; they differ in endpoint and credential. The SDK is imported when a
call needs it.
"""

from provision.apply import plan_lab, provision_lab
from provision.clouds import Cloud, azure, local
from provision.state import StateFile

__all__ = ["Cloud", "StateFile", "azure", "local", "plan_lab", "provision_lab"]
