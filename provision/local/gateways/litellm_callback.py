"""Writes LiteLLM's cooldowns down. LiteLLM's proxy imports a copy of this file; Tripcurve itself never does.

After each failed call, every cooldown that is new becomes a line with the deployment and two instants, unix ns: when it
began, and until when it lasts. LiteLLM records both itself, so it does not matter how soon after them this runs. The
file is named by TRIPCURVE_COOLDOWNS.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from litellm.integrations.custom_logger import CustomLogger

__all__ = ["cooldowns"]


class Cooldowns(CustomLogger):  # type: ignore[misc]  # LiteLLM is not installed where types are checked
    """Compares LiteLLM's cooldowns with those already written, after each failed call."""

    def __init__(self) -> None:
        super().__init__()
        self._file = Path(os.environ["TRIPCURVE_COOLDOWNS"])
        self._written: dict[str, float] = {}

    async def async_log_failure_event(
        self, kwargs: object, response_obj: object, start_time: object, end_time: object
    ) -> None:
        """Write the cooldowns that began since the last call."""
        from litellm.proxy.proxy_server import llm_router

        try:
            found = llm_router.health().cooldowns.cooldown_store.snapshot()
            lines = [self._line(key, entry["timestamp"], entry["cooldown_time"]) for key, entry in found.items()]
        except (AttributeError, KeyError, TypeError) as error:  # another version of LiteLLM
            lines = [json.dumps({"unknown": f"{type(error).__name__}: {error}"})]
        with self._file.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines if line)

    def _line(self, key: str, at_s: float, lasts_s: float) -> str:
        name = key.removeprefix("deployment:").removesuffix(":cooldown")
        if self._written.get(name) == at_s:
            return ""
        self._written[name] = at_s
        at_ns = round(at_s * 1e9)
        return json.dumps({"deployment": name, "at_ns": at_ns, "until_ns": at_ns + round(lasts_s * 1e9)})


cooldowns = Cooldowns()
