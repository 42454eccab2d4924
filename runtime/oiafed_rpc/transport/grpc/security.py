"""TLS and mutual TLS: what servers and channels prove themselves with."""

from __future__ import annotations

from pathlib import Path

import grpc

from oiafed_rpc.config import TlsConfig
from oiafed_rpc.errors import ConfigError


def server_credentials(tls: TlsConfig) -> grpc.ServerCredentials:
    """What a server proves itself with. With a CA of its own it asks every caller for a certificate of that CA.

    Raises:
        ConfigError: where there is no certificate, or a file can't be read.
    """
    if tls.cert is None or tls.key is None:
        raise ConfigError("transport.tls: a node that listens needs cert and key; ca alone is for one that only calls")
    pair = [(_read(tls.key, "key"), _read(tls.cert, "cert"))]
    if tls.ca is None:
        return grpc.ssl_server_credentials(pair)
    return grpc.ssl_server_credentials(pair, _read(tls.ca, "ca"), require_client_auth=True)


def channel_credentials(tls: TlsConfig) -> grpc.ChannelCredentials:
    """What a channel trusts, and proves itself with where it has a certificate.

    Raises:
        ConfigError: where a file can't be read.
    """
    root = _read(tls.ca, "ca") if tls.ca else None
    if tls.cert is None or tls.key is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, _read(tls.key, "key"), _read(tls.cert, "cert"))


def is_mutual(tls: TlsConfig) -> bool:
    """Whether both sides prove who they are: then a certificate's name is the id of its node."""
    return tls.cert is not None and tls.ca is not None


def _read(path: str, key: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"transport.tls.{key}: {path} cannot be read: {error.strerror}") from None
