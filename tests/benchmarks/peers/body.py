"""The request that every peer sends: about as long as ours."""

from __future__ import annotations

from typing import Any

WORDS = "the of and to in is that it was for on are as with his they at be this from have or by one had not but"
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": f"000000000001 {WORDS}"}], "max_tokens": 20}
PATH = "/openai/deployments/gpt-35-turbo/chat/completions?api-version=2024-02-01"
