"""The documented import path of `TrafficUser`, the base of your own user classes (docs/writing-users.md)."""

from locustfiles.users.traffic import TrafficUser

__all__ = ["TrafficUser"]
