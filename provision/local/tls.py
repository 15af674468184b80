"""The control plane's certificate, signed by a certificate authority that is new for each process."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

__all__ = ["make_tls"]


def make_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server context for loopback names, and the file with its authority's certificate.

    Private keys are in memory only, except for a temporary file while OpenSSL loads them.
    """
    authority = trustme.CA(organization_name="Tripcurve local cloud")
    certificate = authority.issue_cert("127.0.0.1", "localhost", "::1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file
