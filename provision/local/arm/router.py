"""Find the handler of a path. ARM compares paths without regard to case; names in braces are parameters."""

from __future__ import annotations

from provision.local.arm.call import Handler
from provision.local.arm.errors import ArmError

__all__ = ["Router"]

_Route = tuple[tuple[str, ...], dict[str, Handler]]


class Router:
    """Routes, grouped by their number of segments. A template that begins with `{scope*}` matches any prefix."""

    def __init__(self) -> None:
        self._fixed: dict[int, list[_Route]] = {}
        self._scoped: list[_Route] = []

    def add(self, method: str, template: str, handler: Handler) -> None:
        """Register a handler. Raises ValueError if the method and template have one already."""
        segments = tuple(template.strip("/").split("/"))
        scoped = segments[0] == "{scope*}"
        routes = self._scoped if scoped else self._fixed.setdefault(len(segments), [])
        segments = segments[1:] if scoped else segments
        for known, handlers in routes:
            if known == segments:
                if method in handlers:
                    raise ValueError(f"{method} {template} has two handlers")
                handlers[method] = handler
                return
        routes.append((segments, {method: handler}))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """Return the handler and the path's parameters. Raises ArmError 404 for an unknown path, 405 for its method."""
        parts = path.strip("/").split("/")
        handlers, params = self._match(parts, path)
        handler = handlers.get(method)
        if handler is None:
            raise ArmError(
                405,
                "MethodNotAllowed",
                f"The requested resource does not support http method '{method}'.",
                headers={"Allow": ", ".join(sorted(handlers))},
            )
        return handler, params

    def _match(self, parts: list[str], path: str) -> tuple[dict[str, Handler], dict[str, str]]:
        for segments, handlers in self._scoped:
            start = len(parts) - len(segments)
            params = _fit(segments, parts[start:]) if start >= 0 else None
            if params is not None:
                return handlers, {**params, "scope": "/" + "/".join(parts[:start])}
        best: tuple[int, dict[str, Handler], dict[str, str]] | None = None
        for segments, handlers in self._fixed.get(len(parts), ()):
            params = _fit(segments, parts)
            # A literal segment beats a parameter: `policies/policy` before `policies/{name}`.
            if params is not None and (best is None or len(params) < best[0]):
                best = (len(params), handlers, params)
        if best is None:
            raise ArmError(404, "NotFound", f"No resource type of the local cloud answers at '{path}'.")
        return best[1], best[2]


def _fit(segments: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment[0] == "{":
            if not part:
                return None
            params[segment[1:-1]] = part
        elif segment.lower() != part.lower():
            return None
    return params
