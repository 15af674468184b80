"""The HTTP/1.1 server and client of the data plane: of the gateway and of the mock."""

from provision.local.wire.body import BodyStream
from provision.local.wire.limits import Limits
from provision.local.wire.messages import Disconnect, Refused, Request, Response
from provision.local.wire.server import Handler, Server

__all__ = ["BodyStream", "Disconnect", "Handler", "Limits", "Refused", "Request", "Response", "Server"]
