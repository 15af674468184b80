"""ARM's errors: the exception, and the errors that several providers share."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ArmError",
    "authorization_failed",
    "group_not_found",
    "resource_not_found",
    "validation_error",
]


class ArmError(Exception):
    """An error that ARM answers. `headers` are sent as they are."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details
        self.headers = {} if headers is None else headers

    def body(self) -> dict[str, Any]:
        """Return the envelope `{"error": {...}}`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details is not None:
            error["details"] = self.details
        return {"error": error}


def validation_error(*faults: tuple[str, str]) -> ArmError:
    """Return API Management's 400 for wrong fields. Each fault is a field's path and a message."""
    details = [{"code": "ValidationError", "target": target, "message": message} for target, message in faults]
    return ArmError(400, "ValidationError", "One or more fields contain incorrect values:", details=details)


def group_not_found(name: str) -> ArmError:
    """Return ARM's 404 for a resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def resource_not_found(identifier: str) -> ArmError:
    """Return ARM's 404 for a resource id."""
    parts = identifier.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    group = parts[lowered.index("resourcegroups") + 1] if "resourcegroups" in lowered else ""
    rest = parts[lowered.index("providers") + 1 :] if "providers" in lowered else parts
    name = "/".join([rest[0], *(rest[1::2]), *(rest[2::2])]) if len(rest) > 2 else "/".join(rest)
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def authorization_failed(object_id: str, action: str, scope: str) -> ArmError:
    """Return ARM's 403 for an identity without a role that allows the action."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{object_id}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.",
    )
