"""The locustfile: `locust -f locustfiles/chat.py`. Users, shape and wiring; nothing happens at import."""

from __future__ import annotations

from locust import events

from locustfiles.chat_user import ChatUser
from locustfiles.probe_user import ProbeUser
from locustfiles.retrying_users import PatientChatUser, StormChatUser
from locustfiles.sdk_user import SdkChatUser
from locustfiles.shape import ScenarioShape
from locustfiles.streaming_user import StreamingChatUser
from locustfiles.wiring import conduct

__all__ = [
    "ChatUser",
    "PatientChatUser",
    "ProbeUser",
    "ScenarioShape",
    "SdkChatUser",
    "StormChatUser",
    "StreamingChatUser",
]

conduct(events)
