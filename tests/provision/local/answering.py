"""A gateway unit that answers 200 to everything, for tests of the control plane alone. It starts in milliseconds.

Run as `python answering.py`. It acknowledges snapshots as a unit does, and knows no keys, policies or breakers.
"""

from __future__ import annotations

import json
import socket
import sys
import threading

COMPLETION = b'{"choices": [{"message": {"role": "assistant", "content": "hello"}}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(COMPLETION), COMPLETION)


def main() -> None:
    listening = False
    for line in sys.stdin:
        document = json.loads(line)
        if document.get("command") == "counts":
            print(json.dumps({"counts": {"requests": 0, "by_status": {}}, "id": document["id"]}), flush=True)
        elif not listening:
            port, listening = document["service"]["port"], True
            listener = socket.create_server(("127.0.0.1", port), reuse_port=True)
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
            print(json.dumps({"ready": port}), flush=True)


def serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            read(connection)
            connection.sendall(ANSWER)


def read(connection: socket.socket) -> None:
    """Read one request to its end, so that closing does not reset the connection."""
    data = b""
    while b"\r\n\r\n" not in data and (piece := connection.recv(65_536)):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while len(body) < length and (piece := connection.recv(65_536)):
        body += piece


if __name__ == "__main__":
    main()
