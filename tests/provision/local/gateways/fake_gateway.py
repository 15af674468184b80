"""A gateway program that sheds nothing and asks nobody: it answers every request with 200.

Run as `python fake_gateway.py PORT [FAULT]`. FAULT `dies` ends it at the first request for /die, `stillborn` at once,
`stubborn` makes it ignore SIGTERM, `refuses` makes it answer every POST with 401. /simulations lists the simulation of
each POST so far, a line for each.
"""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

SIMULATIONS: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/die":
            os._exit(7)
        said = "\n".join(SIMULATIONS).encode() if self.path == "/simulations" else b""
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        SIMULATIONS.append(self.headers.get("x-simulation", ""))
        self.send_response(401 if sys.argv[2:] == ["refuses"] else 200)
        self.send_header("content-length", "7")
        self.end_headers()
        self.wfile.write(b"no key\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    fault = sys.argv[2] if len(sys.argv) > 2 else ""
    if fault == "stillborn":
        sys.exit("the configuration is wrong")
    if fault == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()


if __name__ == "__main__":
    main()
