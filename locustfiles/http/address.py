"""A gateway's address, and connecting to it: name lookup, TCP, and TLS with certificate verification."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import gevent
from gevent import monkey
from gevent import socket as gsocket

from tripcurve.errors import BadInput

__all__ = ["Address", "ConnectFailed", "Pipe"]

CONNECT_TIMEOUT_S = 10.0
RECORD = 65_536
_RawSocket = monkey.get_original("socket", "socket")


class ConnectFailed(Exception):
    """The connection could not be made. The argument is the short error class for the record's `error` column."""

    @property
    def error(self) -> str:
        """The error class for the record, such as `ConnectionRefused`."""
        return str(self.args[0])


class Pipe:
    """Encrypts and decrypts in memory (SSLObject), so that one hub callback can serve plain and TLS sockets."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def handshake(self, sock: socket.socket) -> None:
        """Do the TLS handshake on a connected socket, blocking only this greenlet. Raises ssl.SSLError or OSError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(sock)
                data = sock.recv(16_384)
                if not data:
                    raise ConnectionResetError("closed during the handshake") from None
                self._incoming.write(data)
            else:
                return self._flush(sock)

    def _flush(self, sock: socket.socket) -> None:
        if self._outgoing.pending:
            sock.sendall(self._outgoing.read())

    def encrypt(self, data: bytes) -> bytes:
        """Return the encrypted bytes to send for this data."""
        self._tls.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Return the plain bytes that are complete so far, perhaps none. Raises ssl.SSLError if `data` is not TLS."""
        self._incoming.write(data)
        try:
            part = self._tls.read(RECORD)
            if not self._incoming.pending and not self._tls.pending():
                return part  # most answers are one record: skip the second read, which would raise
            return part + self._rest()
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            return b""

    def _rest(self) -> bytes:
        parts = []
        try:
            while part := self._tls.read(RECORD):
                parts.append(part)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass  # every complete record is in parts; after the end of TLS, recv on the socket reports the end too
        return b"".join(parts)


@dataclass(frozen=True)
class Address:
    """The host and port that requests go to. `context` None: plain HTTP, not TLS."""

    host: str
    port: int
    context: ssl.SSLContext | None = field(default=None, compare=False)

    @classmethod
    def of_url(cls, url: str, ca_file: str | None = None) -> Address:
        """Return the address of a base URL. Raises BadInput if it is not an http(s) URL with a host and a valid port.

        `ca_file`: a PEM file of certificate authorities to trust besides the system's; None: only the system's.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise BadInput(
                f"{url!r} has no usable port; a gateway URL is such as https://gateway.example.com"
            ) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{url!r} is not a gateway URL; give one such as https://gateway.example.com")
        if parts.scheme == "http":
            return cls(parts.hostname, 80 if port is None else port)
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        return cls(parts.hostname, 443 if port is None else port, context)

    @property
    def authority(self) -> str:
        """The value for the Host header. It leaves out the scheme's default port."""
        usual = 80 if self.context is None else 443
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == usual else f"{host}:{self.port}"

    def connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> tuple[socket.socket, Pipe | None]:
        """Return a connected, non-blocking socket and its TLS, which is None for plain HTTP.

        Blocks only the calling greenlet. Raises ConnectFailed, also when `timeout_s` has passed.
        """
        with gevent.Timeout(timeout_s, ConnectFailed("ConnectTimeout")):
            return self._connect()

    def _connect(self) -> tuple[socket.socket, Pipe | None]:
        sock = None
        try:
            sock = gsocket.create_connection((self.host, self.port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pipe = None if self.context is None else Pipe(self.context, self.host)
            if pipe is not None:
                pipe.handshake(sock)
            raw = _RawSocket(fileno=sock.detach())
            raw.setblocking(False)
            return raw, pipe
        except OSError as error:
            raise ConnectFailed(_class_of(error)) from error
        finally:
            if sock is not None:
                sock.close()


def _class_of(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "CertificateInvalid"
    if isinstance(error, ssl.SSLError):
        return "TlsFailure"
    if isinstance(error, socket.gaierror):
        return "DnsFailure"
    if isinstance(error, ConnectionRefusedError):
        return "ConnectionRefused"
    if isinstance(error, ConnectionResetError):
        return "ConnectionReset"
    return "ConnectFailed"
