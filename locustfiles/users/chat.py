"""The plain user: one chat completion a turn."""

from __future__ import annotations

from locustfiles.users.traffic import TrafficUser

__all__ = ["ChatUser"]


class ChatUser(TrafficUser):
    """Sends the scenario's prompts, one completion a turn, whatever the answers are."""
