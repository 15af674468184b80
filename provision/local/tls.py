"""The certificate of the control plane: signed by an authority made for this one process."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

__all__ = ["make_tls"]


def make_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server context for loopback names, and the file that holds its authority's certificate.

    Keys stay in memory and in the folder's temporary file for as long as OpenSSL needs to load them.
    """
    authority = trustme.CA(organization_name="Tripcurve local cloud")
    certificate = authority.issue_cert("127.0.0.1", "localhost", "::1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file
