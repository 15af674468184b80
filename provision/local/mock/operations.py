"""The operations of the inference API: how each reads a body and answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provision.local.mock.answers.chat import chat_stream, chat_whole
from provision.local.mock.answers.completion import completion_stream, completion_whole
from provision.local.mock.answers.embedding import embedding_whole
from provision.local.mock.answers.job import Job, Stream
from provision.local.mock.answers.responses import responses_stream, responses_whole
from provision.local.mock.asked import Asked, Body, read_chat, read_completion, read_embedding, read_responses

__all__ = ["OPERATIONS", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `stream` None: it does not stream."""

    name: str
    """As Azure's 429 names it."""
    verb: str
    """As Azure's OperationNotSupported names it."""
    action: str
    """Its data action, below Microsoft.CognitiveServices/accounts/OpenAI/."""
    embeds: bool
    read: Callable[[Body], Asked]
    whole: Callable[[Job], bytes]
    stream: Callable[[Job], Stream] | None


_DEPLOYMENT = "deployments/"
OPERATIONS = {
    "chat/completions": Operation(
        "ChatCompletions_Create",
        "chatCompletion",
        _DEPLOYMENT + "chat/completions/action",
        False,
        read_chat,
        chat_whole,
        chat_stream,
    ),
    "completions": Operation(
        "Completions_Create",
        "completion",
        _DEPLOYMENT + "completions/action",
        False,
        read_completion,
        completion_whole,
        completion_stream,
    ),
    "embeddings": Operation(
        "Embeddings_Create",
        "embeddings",
        _DEPLOYMENT + "embeddings/action",
        True,
        read_embedding,
        embedding_whole,
        None,
    ),
    "responses": Operation(
        "Responses_Create", "responses", "responses/write", False, read_responses, responses_whole, responses_stream
    ),
}
"""By the last part of the path."""
