"""Embeddings: unit vectors that depend only on their input."""

from __future__ import annotations

import base64
import hashlib
import math
from array import array

import orjson

from provision.local.mock.answers.job import Job

__all__ = ["embedding_whole"]

DIMENSIONS = {"text-embedding-3-large": 3072}
USUAL_DIMENSIONS = 1536


def embedding_whole(job: Job) -> bytes:
    """Return the JSON body, with vectors as floats or as base64 of little-endian float32."""
    parameters = job.parameters
    usual = next((size for name, size in DIMENSIONS.items() if job.model.startswith(name)), USUAL_DIMENSIONS)
    dimensions = usual if parameters.dimensions is None else parameters.dimensions
    data = [
        {"embedding": _encoded(digest, dimensions, parameters.base64), "index": index, "object": "embedding"}
        for index, digest in enumerate(parameters.inputs)
    ]
    usage = {"prompt_tokens": parameters.prompt_tokens, "total_tokens": parameters.prompt_tokens}
    return orjson.dumps({"data": data, "model": job.model, "object": "list", "usage": usage})


def _encoded(digest: bytes, dimensions: int, as_base64: bool) -> str | list[float]:
    vector = _vector(digest, dimensions)
    return base64.b64encode(vector.tobytes()).decode() if as_base64 else vector.tolist()


def _vector(digest: bytes, dimensions: int) -> array[float]:
    raw = array("h", hashlib.shake_128(digest).digest(2 * dimensions))
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    return array("f", [value / length for value in raw])
