"""CPU of `chat.completions.create` itself, us: answered at once, with nothing built, sent or read for it."""

from __future__ import annotations

import gc
import time

import httpx2
from openai import AzureOpenAI

from tests.benchmarks.loaders import ANSWER
from tests.benchmarks.peers.body import BODY

WARM, CALLS = 500, 5000


class Nothing(httpx2.Client):
    """A transport that does no work: the same request and the same answer for all."""

    def __init__(self) -> None:
        super().__init__(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, request=request)))
        self._request = httpx2.Request("POST", "http://nowhere")
        self._kind = {"content-type": "application/json"}

    def build_request(self, *_: object, **__: object) -> httpx2.Request:
        return self._request

    def send(self, request: httpx2.Request, **_: object) -> httpx2.Response:
        return httpx2.Response(200, headers=self._kind, content=ANSWER, request=request)


def main() -> None:
    sdk = AzureOpenAI(azure_endpoint="http://nowhere", api_key="none", api_version="2024-02-01", http_client=Nothing())
    for _ in range(WARM):
        sdk.chat.completions.create(model="gpt-35-turbo", **BODY)
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    began = time.process_time()
    for _ in range(CALLS):
        sdk.chat.completions.create(model="gpt-35-turbo", **BODY)
    print((time.process_time() - began) / CALLS * 1e6)


if __name__ == "__main__":
    main()
