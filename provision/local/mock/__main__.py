"""`python -m provision.local.mock`: a child of the local cloud; with `--serve`, a web app of its own."""

from __future__ import annotations

import os
import sys

import uvloop

from provision.local.mock.process import run_child
from provision.local.mock.serve import run_web_app
from tripcurve.errors import TripcurveError


def main(arguments: list[str]) -> int:
    """Run one of the two. Returns the exit code."""
    if arguments not in ([], ["--serve"]):
        print("usage: python -m provision.local.mock [--serve]", file=sys.stderr)
        return 2
    try:
        return uvloop.run(run_web_app(os.environ) if arguments else run_child())
    except TripcurveError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
