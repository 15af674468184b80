"""`python -m provision.local [LAB]`: the command `tripcurve local`, for programs that do not need the others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from provision.local.command import run_local
from tripcurve.errors import TripcurveError


def main() -> int:
    """Run the local cloud and return the exit code. A TripcurveError becomes one message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m provision.local")
    parser.add_argument("lab", nargs="?")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--gateway-port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--stop-with-stdin", action="store_true")
    given = parser.parse_args()
    try:
        return run_local(
            given.lab,
            port=given.port,
            gateway_port=given.gateway_port,
            data_dir=given.data_dir,
            stop_with_stdin=given.stop_with_stdin,
        )
    except TripcurveError as error:
        print(f"tripcurve: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
