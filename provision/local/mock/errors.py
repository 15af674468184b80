"""Error answers in the two forms of Azure OpenAI: those of the service and those of the model."""

from __future__ import annotations

import orjson

__all__ = [
    "ApiError",
    "bad_request",
    "deployment_not_found",
    "invalid_type",
    "not_found",
    "previous_response_not_found",
    "response_not_found",
    "responses_too_old",
    "service_error",
    "wrong_key",
    "wrong_token",
]

JSON = ("content-type", "application/json; charset=utf-8")


class ApiError(Exception):
    """An error answer: its status, its JSON body and its own headers."""

    def __init__(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = (JSON,)) -> None:
        super().__init__(f"{status} {body.decode()}")
        self.status, self.body, self.headers = status, body, headers


def service_error(status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> ApiError:
    """Return an error of the service in front of the models, which has only code and message."""
    return ApiError(status, orjson.dumps({"error": {"code": code, "message": message}}), (JSON, *headers))


def bad_request(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """Return a model's 400 for a request that it cannot use. `param` is the wrong field, or None."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return ApiError(400, orjson.dumps({"error": error}))


def invalid_type(param: str, wanted: str, given: object) -> ApiError:
    """Return the 400 for a field of the wrong JSON type."""
    message = f"Invalid type for '{param}': expected {wanted}, but got {_type_name(given)} instead."
    return bad_request(message, "invalid_type", param)


def _type_name(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def not_found(message: str = "Resource not found") -> ApiError:
    """Return the 404 for a route or account that does not exist."""
    return service_error(404, "404", message)


def deployment_not_found() -> ApiError:
    """Return the 404 for a deployment that the account does not have."""
    return service_error(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again.",
    )


def wrong_key() -> ApiError:
    """Return the 401 for a missing credential, or for a key that is not one of the account's two."""
    return service_error(
        401,
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource.",
    )


def wrong_token() -> ApiError:
    """Return the 401 for a bearer token of another tenant or audience. Azure omits the `error` wrapper here."""
    message = (
        "Unauthorized. Access token is missing, invalid, audience is incorrect "
        "(https://cognitiveservices.azure.com), or have expired."
    )
    return ApiError(401, orjson.dumps({"statusCode": 401, "message": message}))


def previous_response_not_found(ident: str) -> ApiError:
    """Return the 400 for a `previous_response_id` that this account has not stored [AIG-219]."""
    message = f"Previous response with id '{ident[:80]}' not found."
    return bad_request(message, "previous_response_not_found", "previous_response_id")


def response_not_found(ident: str) -> ApiError:
    """Return the 404 for a stored response that does not exist."""
    message = f"Response with id '{ident[:80]}' not found."
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return ApiError(404, orjson.dumps({"error": error}))


def responses_too_old(since: str) -> ApiError:
    """Return the 400 for the Responses API under an api-version before `since`, a date [D-RESP]."""
    message = f"Azure OpenAI Responses API is enabled only for api-version {since}-preview and later"
    return service_error(400, "BadRequest", message)
