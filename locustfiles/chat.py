"""The locustfile (`locust -f locustfiles/chat.py`): the user classes, the load shape and Locust's event listeners.

Importing it only registers listeners; nothing is started or read.
"""

from __future__ import annotations

from locust import events

from locustfiles.conduct.wiring import conduct
from locustfiles.pacing.shape import ScenarioShape
from locustfiles.users.canceling import CancelChatUser
from locustfiles.users.chat import ChatUser
from locustfiles.users.probe import ProbeUser
from locustfiles.users.responses import ResponsesUser, StreamingResponsesUser
from locustfiles.users.retrying import PatientChatUser, StormChatUser
from locustfiles.users.sdk import SdkChatUser
from locustfiles.users.streaming import StreamingChatUser

__all__ = [
    "CancelChatUser",
    "ChatUser",
    "PatientChatUser",
    "ProbeUser",
    "ResponsesUser",
    "ScenarioShape",
    "SdkChatUser",
    "StormChatUser",
    "StreamingChatUser",
    "StreamingResponsesUser",
]

conduct(events)
