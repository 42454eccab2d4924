"""TLS of connections beside gRPC: the keys, and the demands, of the node's gRPC server and channels."""

from __future__ import annotations

import ssl

from oiafed_rpc.config import TlsConfig


def server_context(tls: TlsConfig) -> ssl.SSLContext:
    """What a listener proves itself with; with a CA it asks whoever connects for a certificate of that CA.

    Raises:
        OSError: where a file can't be read, or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # nothing is sent unasked, so that whoever has connected can see when it is answered
    _prove(context, tls)
    if tls.ca is not None:
        context.load_verify_locations(tls.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(tls: TlsConfig) -> ssl.SSLContext:
    """What a connection trusts, and proves itself with where it has a certificate. Reads files: for a worker thread.

    Raises:
        OSError: where a file can't be read, or is not what it should be.
    """
    context = ssl.create_default_context(cafile=tls.ca)
    _prove(context, tls)
    return context


def _prove(context: ssl.SSLContext, tls: TlsConfig) -> None:
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key, password="")
