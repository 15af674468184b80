"""Locust's fastest own client, as its documentation has it used."""

from __future__ import annotations

from locust import FastHttpUser, task

from tests.benchmarks.peers.body import BODY, PATH


class Fast(FastHttpUser):
    @task
    def chat(self) -> None:
        self.client.post(PATH, json=BODY, headers={"api-key": "none"}, name="chat")
