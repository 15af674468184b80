"""Policy documents, which are read and checked once when they are stored, and run for each request."""

from __future__ import annotations

from provision.local.apim.policies.answers import error_response, internal_error
from provision.local.apim.policies.catalogue import documented_elements
from provision.local.apim.policies.document import DEFAULT_GLOBAL, Document, check_fragment, compile_document
from provision.local.apim.policies.faults import Fault, PolicyError
from provision.local.apim.policies.pipeline import Pipeline
from provision.local.apim.policies.state import Counters, ValueCache

__all__ = [
    "DEFAULT_GLOBAL",
    "Counters",
    "Document",
    "Fault",
    "Pipeline",
    "PolicyError",
    "ValueCache",
    "check_fragment",
    "compile_document",
    "documented_elements",
    "error_response",
    "internal_error",
]
