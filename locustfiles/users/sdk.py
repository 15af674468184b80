"""The SDK user: chat completions through the `openai` package, as applications send them."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, cast

from locust.exception import StopUser

from locustfiles.conduct.traffic import Traffic
from locustfiles.http.answer import CallResult
from locustfiles.users.traffic import TrafficUser

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["SdkChatUser"]


class SdkChatUser(TrafficUser):
    """Calls `chat.completions.create` once per turn, with the scenario's `max_retries`.

    All users of a process share one client, AzureOpenAI or for the v1 API OpenAI, whose transport is ours. Every
    attempt is recorded as a row. The result that the caller saw in the end is a separate entry in Locust's statistics,
    and is counted in run.json.
    """

    sdk: OpenAI

    @classmethod
    def prepare(cls) -> None:
        """Make one call against a mock transport. The SDK's first call takes about a second of imports and set-up."""
        import httpx2
        from openai import AzureOpenAI

        def answer(request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, json={"id": "warm-up", "choices": [], "usage": None}, request=request)

        client = httpx2.Client(transport=httpx2.MockTransport(answer))
        sdk = AzureOpenAI(base_url="http://nowhere", api_key="none", api_version="none", http_client=client)
        sdk.chat.completions.create(model="none", messages=[{"role": "user", "content": "none"}], max_tokens=1)

    def on_start(self) -> None:
        super().on_start()
        self.sdk = _shared_client(self.traffic, self.name)

    def turn(self, intended_ns: int | None) -> None:
        """Make one call, which includes the SDK's own retries. Raises StopUser when the run is over."""
        from locustfiles.http.sdk_transport import DUE, FIRST

        traffic = self.traffic
        if traffic.closed:
            raise StopUser
        target, prompts = traffic.plan.target, traffic.prompts(arrival_ns=self.arrival_ns)
        text, limit = prompts.text(), {target.limit_name: prompts.completion}
        DUE.set(intended_ns)
        FIRST.set(True)
        began, failure = monotonic_ns(), None
        try:
            self.sdk.chat.completions.create(
                model=target.deployment,
                messages=[{"role": "user", "content": text}],
                **limit,  # type: ignore[call-overload]  # mypy takes its value for that of any argument
            )
        except Exception as error:
            failure = _failure_of(error)
        traffic.called(CallResult(self.name, failure, began, monotonic_ns()))


def _failure_of(error: Exception) -> str:
    """Return the SDK error's class and status, as a caller sees them. Raises any other exception again."""
    import openai

    if not isinstance(error, openai.APIError):
        raise error
    kind = type(error).__name__
    return f"{kind} {error.status_code}" if isinstance(error, openai.APIStatusError) else kind


def _shared_client(traffic: Traffic, user: str) -> OpenAI:
    """Return the client that all users of this process share. The first call makes it."""
    key = f"sdk/{user}"
    if key not in traffic.shared:
        traffic.shared[key] = _make_client(traffic, user)
    return cast("OpenAI", traffic.shared[key])


def _make_client(traffic: Traffic, user: str) -> OpenAI:
    from locustfiles.http.sdk_transport import SdkTransport

    scenario = traffic.plan.scenario
    return traffic.plan.target.sdk_client(
        max_retries=scenario.max_retries, timeout=scenario.timeout, http_client=SdkTransport(traffic, user)
    )
