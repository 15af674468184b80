"""The names of client behaviours, which a scenario's `users` and the simulator's `--clients` take for user classes."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CLIENTS", "DEFAULT_RETRIES", "RETRYING", "named_clients"]

CLIENTS = {
    "none": "ChatUser",
    "openai": "SdkChatUser",
    "sdk": "SdkChatUser",
    "patient": "PatientChatUser",
    "storm": "StormChatUser",
    "cancel": "CancelChatUser",
}
"""The user class of each behaviour. `sdk` is the earlier name of `openai`."""
RETRYING = frozenset({"SdkChatUser", "PatientChatUser", "StormChatUser"})
DEFAULT_RETRIES = 2
"""How often the `openai` package retries by default [SDK-OPENAI], and so a client that is given by its behaviour."""


def named_clients(data: object) -> object:
    """Return a scenario's content with user classes instead of the names of behaviours.

    If one of them retries, `max_retries` is DEFAULT_RETRIES unless it is given. Content of another form is returned as
    it is. Raises ValueError if two names are the same class.
    """
    users = data.get("users") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(users, Mapping) or CLIENTS.keys().isdisjoint(users):
        return data
    classes: dict[object, object] = {}
    for name, count in users.items():
        known = CLIENTS.get(name, name)
        if known in classes:
            raise ValueError(f"users: {name} and another name mean the class {known}; give it once")
        classes[known] = count
    retries = any(CLIENTS.get(name) in RETRYING for name in users)
    return {**({"max_retries": DEFAULT_RETRIES} if retries else {}), **data, "users": classes}
