"""Imports Locust once, then forks a Locust process for each request: `python -m tests.locustfiles.preloaded`.

Reads one JSON document a line on stdin, and answers each with one on stdout. `{"words", "folder", "env", "out", "err"}`
starts Locust with these words, working directory, environment and files for its output; the answer is its pid.
`{"pid"}` is answered with that process's exit code, null while it runs.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

PRELOADED = (
    "locust.main",  # first: it patches sockets and threads before others import them
    "locustfiles.conduct.wiring",
    "locustfiles.pacing.shape",
    "locustfiles.users.canceling",
    "locustfiles.users.responses",
    "locustfiles.users.retrying",
    "locustfiles.users.sdk",
    "locustfiles.users.streaming",
    "locustfiles.http.sdk_transport",
    "openai",
)


def main() -> None:
    """Import, then answer requests until stdin ends. A forked process ends as its Locust does."""
    for name in PRELOADED:
        importlib.import_module(name)
    request = serve()
    if request is not None:
        become(request)


def serve() -> dict[str, Any] | None:
    """Answer requests. Return None when stdin has ended, and in a forked process the request to carry out."""
    from gevent import monkey

    fork, waitpid = monkey.get_original("os", ["fork", "waitpid"])
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            ended, status = waitpid(request["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = fork()
            if answer == 0:
                return dict(request)
        print(json.dumps(answer), flush=True)
    return None


def become(request: dict[str, Any]) -> None:
    """Run Locust in this process, as `python -m locust` would."""
    import gevent
    from locust.main import main as locust

    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, request["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        file = os.open(path, flags, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["locust", *request["words"]]
    sys.path[0] = request["folder"]
    gevent.reinit()
    gevent.get_hub().loop.update_now()  # the parent may have read the clock long ago
    locust()


if __name__ == "__main__":
    main()
