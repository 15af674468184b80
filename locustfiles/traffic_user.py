"""The documented place of `TrafficUser`, the base class of users of your own (docs/writing-users.md)."""

from locustfiles.users.traffic import TrafficUser

__all__ = ["TrafficUser"]
