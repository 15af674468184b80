"""The plain user: one chat completion per turn."""

from __future__ import annotations

from locustfiles.users.traffic import TrafficUser

__all__ = ["ChatUser"]


class ChatUser(TrafficUser):
    """Sends one of the scenario's prompts per turn and never retries."""
