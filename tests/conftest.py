"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: properties are judged by what they find, not by how long they take.
settings.register_profile("tripcurve", deadline=None)
settings.load_profile("tripcurve")
