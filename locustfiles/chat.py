"""The locustfile: `locust -f locustfiles/chat.py`. Users, shape and wiring; nothing happens at import."""

from __future__ import annotations

from locust import events

from locustfiles.chat_user import ChatUser
from locustfiles.conductor import conduct
from locustfiles.probe_user import ProbeUser
from locustfiles.shape import ScenarioShape

__all__ = ["ChatUser", "ProbeUser", "ScenarioShape"]

conduct(events)
