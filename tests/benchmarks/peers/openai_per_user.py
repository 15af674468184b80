"""A Locust user that holds an AzureOpenAI client of its own, as such users are usually written.

Under Locust's own logging the SDK's HTTP client writes a line for each request; whoever measures turns that off.
"""

from __future__ import annotations

import logging
import time

from locust import User, task
from openai import AzureOpenAI

from tests.benchmarks.peers.body import BODY

logging.getLogger("httpx2").setLevel(logging.WARNING)


class OpenAIUser(User):
    def on_start(self) -> None:
        self.sdk = AzureOpenAI(azure_endpoint=self.host or "", api_key="none", api_version="2024-02-01", max_retries=0)

    @task
    def chat(self) -> None:
        began = time.perf_counter()
        self.sdk.chat.completions.create(model="gpt-35-turbo", **BODY)
        took_ms = (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(
            request_type="SDK", name="chat", response_time=took_ms, response_length=0, exception=None, context={}
        )
