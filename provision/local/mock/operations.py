"""The operations of the inference API: functions that read the body and make the answer of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provision.local.arm.models import Kind
from provision.local.mock.answers.chat import chat_stream, chat_whole
from provision.local.mock.answers.completion import completion_stream, completion_whole
from provision.local.mock.answers.embedding import embedding_whole
from provision.local.mock.answers.image import image_whole
from provision.local.mock.answers.job import Job, Stream
from provision.local.mock.answers.responses import responses_stream, responses_whole
from provision.local.mock.parameters import (
    Body,
    Parameters,
    read_chat,
    read_completion,
    read_embedding,
    read_image,
    read_responses,
)

__all__ = ["OPERATIONS", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `stream` None means that it cannot stream."""

    name: str
    """The operation's name in Azure's 429."""
    verb: str
    """The operation's name in Azure's OperationNotSupported."""
    action: str
    """The data action it needs, without the prefix Microsoft.CognitiveServices/accounts/OpenAI/."""
    kind: Kind
    read: Callable[[Body], Parameters]
    whole: Callable[[Job], bytes]
    stream: Callable[[Job], Stream] | None


_DEPLOYMENT = "deployments/"
OPERATIONS = {
    "chat/completions": Operation(
        "ChatCompletions_Create",
        "chatCompletion",
        _DEPLOYMENT + "chat/completions/action",
        "text",
        read_chat,
        chat_whole,
        chat_stream,
    ),
    "completions": Operation(
        "Completions_Create",
        "completion",
        _DEPLOYMENT + "completions/action",
        "text",
        read_completion,
        completion_whole,
        completion_stream,
    ),
    "embeddings": Operation(
        "Embeddings_Create",
        "embeddings",
        _DEPLOYMENT + "embeddings/action",
        "embedding",
        read_embedding,
        embedding_whole,
        None,
    ),
    "images/generations": Operation(
        "ImageGenerations_Create",
        "imageGenerations",
        "images/generations/action",
        "image",
        read_image,
        image_whole,
        None,
    ),
    "responses": Operation(
        "Responses_Create", "responses", "responses/write", "text", read_responses, responses_whole, responses_stream
    ),
}
"""All operations by the path below the deployment, such as `chat/completions`."""
