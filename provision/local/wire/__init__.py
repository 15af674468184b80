"""HTTP/1.1 as the data plane speaks it: one server and one client, for the gateway and the mock."""

from provision.local.wire.body import BodyStream
from provision.local.wire.limits import Limits
from provision.local.wire.messages import Disconnect, Refused, Request, Response
from provision.local.wire.server import Handler, Server

__all__ = ["BodyStream", "Disconnect", "Handler", "Limits", "Refused", "Request", "Response", "Server"]
