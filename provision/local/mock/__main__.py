"""`python -m provision.local.mock`: the mock as a child of the local cloud, or with `--serve` as a web app."""

from __future__ import annotations

import os
import sys

import uvloop

from provision.local.mock.process import run_child
from provision.local.mock.serve import run_web_app
from tripcurve.errors import TripcurveError


def main(arguments: list[str]) -> int:
    """Run the mock as the arguments say and return the exit code: 2 for wrong arguments."""
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
