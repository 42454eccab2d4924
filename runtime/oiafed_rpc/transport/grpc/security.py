"""TLS and mutual TLS: what servers and channels prove themselves with."""

from __future__ import annotations

import ssl
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


def check_files(tls: TlsConfig) -> None:
    """See whether the files are what they should be: gRPC itself would only fail to connect.

    Raises:
        ConfigError: where they are not.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        if tls.ca is not None:
            context.load_verify_locations(tls.ca)
    except OSError as error:
        raise ConfigError(f"transport.tls.ca: {tls.ca} holds no certificates: {_reason(error)}") from None
    try:
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key, password="")
    except OSError as error:
        raise ConfigError(
            f"transport.tls: {tls.cert} and {tls.key} are no certificate and its unencrypted key: {_reason(error)}"
        ) from None


def _reason(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return (reason or str(error)).replace("_", " ").lower()


def is_mutual(tls: TlsConfig) -> bool:
    """Whether both sides prove who they are: then a certificate's name is the id of its node."""
    return tls.cert is not None and tls.ca is not None


_MISMATCH = "TLS mismatch: {}; give both nodes transport.tls, or neither"
_PROBLEMS = (
    ("WRONG_VERSION_NUMBER", _MISMATCH.format("this node uses TLS, what answers there does not")),
    ("Hostname Verification Check failed", "the certificate shown there is not for {expected!r}"),
    ("certificate has expired", "the certificate shown there has expired"),
    ("certificate signature failure", "the certificate shown there is not from an authority of transport.tls.ca"),
    ("CERTIFICATE_VERIFY_FAILED", "the certificate shown there is not from an authority of transport.tls.ca"),
)
_CLOSED = ("Socket closed", "Connection reset", "Broken pipe")
_CLOSED_PLAIN = _MISMATCH.format(
    "the connection was closed at once, as by a node that uses TLS, which this one does not"
)
_CLOSED_TLS = (
    "the connection was closed there, as by a node that asks for a certificate of an authority it trusts, which is "
    "valid now: see transport.tls.cert here and the log there"
)


def tls_problem(told: str, expected: str | None) -> str | None:
    """What gRPC's words for a connection that did not come about mean, where that has to do with TLS.

    Args:
        told: gRPC's words.
        expected: Whom the certificate at the other end must be for; None where this end uses no TLS.
    """
    for words, problem in _PROBLEMS:
        if words in told:
            return problem.format(expected=expected)
    if not any(words in told for words in _CLOSED):
        return None
    return _CLOSED_PLAIN if expected is None else _CLOSED_TLS


def _read(path: str, key: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"transport.tls.{key}: {path} cannot be read: {error.strerror}") from None
