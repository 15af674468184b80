"""Answers that are errors, in the two shapes Azure OpenAI has: the service's and the model's."""

from __future__ import annotations

import orjson

__all__ = [
    "ApiError",
    "bad_request",
    "deployment_not_found",
    "invalid_type",
    "not_found",
    "service_error",
    "wrong_key",
    "wrong_token",
]

JSON = ("content-type", "application/json; charset=utf-8")


class ApiError(Exception):
    """An answer that is an error: its status, its JSON body and headers of its own."""

    def __init__(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = (JSON,)) -> None:
        super().__init__(f"{status} {body.decode()}")
        self.status, self.body, self.headers = status, body, headers


def service_error(status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> ApiError:
    """What the service in front of the models says: code and message only."""
    return ApiError(status, orjson.dumps({"error": {"code": code, "message": message}}), (JSON, *headers))


def bad_request(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """What a model says about a request it cannot use."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return ApiError(400, orjson.dumps({"error": error}))


def invalid_type(param: str, wanted: str, given: object) -> ApiError:
    """A field of the wrong JSON type."""
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
    """A route, or an account, that does not exist."""
    return service_error(404, "404", message)


def deployment_not_found() -> ApiError:
    """A deployment the account does not have."""
    return service_error(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again.",
    )


def wrong_key() -> ApiError:
    """A key that is not one of the account's two, or no credential at all."""
    return service_error(
        401,
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource.",
    )


def wrong_token() -> ApiError:
    """A bearer token that is no token of this tenant for this audience. Azure leaves the `error` wrapper out here."""
    message = (
        "Unauthorized. Access token is missing, invalid, audience is incorrect "
        "(https://cognitiveservices.azure.com), or have expired."
    )
    return ApiError(401, orjson.dumps({"statusCode": 401, "message": message}))
