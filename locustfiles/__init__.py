"""Drives traffic with Locust and records one row per request. `chat.py` is the locustfile.

Packages: `users`, `http`, `pacing`, `recording`, `conduct`, `live`, `deploy`, `scenarios`, `commands`.
"""
