"""The seed notebook's own test, byte for byte as `requests` sends it."""

from __future__ import annotations

import requests

# The notebook's cell, with its mock: the first host fails, any other answers 200.
SEED = {
    "messages": [
        {
            "role": "system",
            "content": {
                "simulation": {
                    "default": {"response_status_code": 200, "wait_time_ms": 0},
                    "openaimock1.azurewebsites.net": {"response_status_code": 429},
                }
            },
        }
    ]
}
ELSEWHERE = {
    "messages": [
        {
            "role": "system",
            "content": {
                "simulation": {
                    "default": {"response_status_code": 200, "wait_time_ms": 0},
                    "another.azurewebsites.net": {"response_status_code": 429},
                }
            },
        }
    ]
}


def test_three_of_the_seeds_requests_open_the_breaker(local_cloud: dict[str, str]) -> None:
    url = (
        f"{local_cloud['gateway_url']}/openai/deployments/{local_cloud['deployment']}"
        f"/chat/completions?api-version={local_cloud['api_version']}"
    )
    headers = {"api-key": local_cloud["api_key"]}

    def status(body: object) -> int:
        return requests.post(url, headers=headers, json=body, timeout=10).status_code

    assert status(ELSEWHERE) == 200
    assert [status(SEED) for _ in range(4)] == [429, 429, 429, 503]
    assert status(ELSEWHERE) == 503
