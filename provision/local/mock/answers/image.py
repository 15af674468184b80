"""Images: PNGs of one grey, in the size that the request names."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import lru_cache

import orjson

from provision.local.mock.answers.job import Job

__all__ = ["image_whole"]

GREY = b"\x80\x80\x80"


def image_whole(job: Job) -> bytes:
    """Return the JSON body. An image by URL is a data URL, because the mock keeps no files."""
    encoded = base64.b64encode(_png(*job.parameters.size)).decode()
    image = {"b64_json": encoded} if job.parameters.base64 else {"url": f"data:image/png;base64,{encoded}"}
    return orjson.dumps({"created": job.created, "data": [image] * job.parameters.choices})


@lru_cache(maxsize=16)
def _png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits per channel, RGB
    lines = (b"\0" + GREY * width) * height  # each line begins with its filter, which is none
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
