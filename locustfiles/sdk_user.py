"""The SDK user: chat completions through the `openai` package, as applications send them."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from locust.exception import StopUser

from locustfiles.traffic import Traffic
from locustfiles.traffic_user import TrafficUser

if TYPE_CHECKING:
    from openai import AzureOpenAI

__all__ = ["SdkChatUser"]

CREATE = "/chat/completions"


class SdkChatUser(TrafficUser):
    """One chat completion through the SDK a turn, with the scenario's `max_retries`.

    What `chat.completions.create` does to the types of its arguments is left out, a third of its cost: the
    SDK's call underneath sends the same bytes, retries and parses alike. All users of a process share one
    AzureOpenAI client. Every attempt is a record; what the caller saw in the end is an entry of its own in
    Locust's statistics, and counted in run.json.
    """

    sdk: AzureOpenAI
    url: str

    @classmethod
    def prepare(cls) -> None:
        """The SDK imports and builds for about a second at its first call: before the run, not in it."""
        import httpx2
        from openai import AzureOpenAI
        from openai.types.chat import ChatCompletion

        def answer(request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, json={"id": "warm-up", "choices": [], "usage": None}, request=request)

        client = httpx2.Client(transport=httpx2.MockTransport(answer))
        sdk = AzureOpenAI(base_url="http://nowhere", api_key="none", api_version="none", http_client=client)
        sdk.post(CREATE, body={"messages": []}, cast_to=ChatCompletion)

    def on_start(self) -> None:
        super().on_start()
        self.sdk = _shared_client(self.traffic, self.name)
        self.url = f"{_base_url(self.traffic)}{CREATE}"  # whole: the SDK need not join it anew for every call

    def turn(self, intended_ns: int | None) -> None:
        """One call, and the retries the SDK makes of it."""
        import openai
        from openai.types.chat import ChatCompletion

        from locustfiles.sdk_transport import INTENDED

        if self.traffic.closed:
            raise StopUser
        headers = {} if intended_ns is None else {INTENDED: str(intended_ns)}
        began = monotonic_ns()
        failure = None
        try:
            self.sdk.post(
                self.url, body=self.traffic.prompts().body(), cast_to=ChatCompletion, options={"headers": headers}
            )
        except openai.APIStatusError as error:
            failure = f"{type(error).__name__} {error.status_code}"
        except openai.APIError as error:
            failure = type(error).__name__
        self._tell(failure, (monotonic_ns() - began) / 1e6)

    def _tell(self, failure: str | None, latency_ms: float) -> None:
        self.traffic.tally.outcomes[f"{self.name} {'gave up' if failure else 'settled'}"] += 1
        self.environment.events.request.fire(
            request_type="SDK",
            name=f"{self.name} outcome",
            response_time=latency_ms,
            response_length=0,
            exception=failure,
            context={},
        )


def _shared_client(traffic: Traffic, user: str) -> Any:
    """This process's client, made at first use."""
    key = f"sdk/{user}"
    if key not in traffic.shared:
        traffic.shared[key] = _make_client(traffic, user)
    return traffic.shared[key]


def _make_client(traffic: Traffic, user: str) -> AzureOpenAI:
    from openai import AzureOpenAI

    from locustfiles.sdk_transport import SdkTransport

    target, scenario = traffic.plan.target, traffic.plan.scenario
    return AzureOpenAI(
        base_url=_base_url(traffic),
        api_key=target.api_key.get_secret_value(),
        api_version=target.api_version,
        max_retries=scenario.max_retries,
        timeout=scenario.timeout,
        http_client=SdkTransport(traffic, user),
    )


def _base_url(traffic: Traffic) -> str:
    target = traffic.plan.target
    return f"{target.gateway_url}/{target.api_path}/deployments/{target.deployment}"
