"""How channels and servers are set up."""

from __future__ import annotations

import ipaddress

UNIX = "unix:"
"""What the address of a Unix socket begins with."""

_MAX_INT = 2**31 - 1
_HEADERS = 16 << 10  # bytes; gRPC's own hard limit is random from 8 KiB on unless both are set


_ATTEMPT = 5_000
"""Milliseconds in which a connection must come about: over a slow link, TLS takes several of its round trips.

gRPC takes the shortest pause between attempts for the time that one has; the pauses themselves begin at the initial
one.
"""

_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]
"""A connection that has died without a word is noticed within half a minute, on both sides."""


def server_options(max_message_size: int) -> list[tuple[str, int]]:
    """Options of a server: a second server on its port fails, and pings of idle peers are welcome."""
    return [
        *_sizes(max_message_size),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        *_KEEPALIVE,
    ]


def channel_options(host: str, max_message_size: int, name: str = "") -> list[tuple[str, int | str]]:
    """Options of a channel: quick to reconnect, and past no proxy on this machine.

    Args:
        host: Where it leads.
        max_message_size: Bytes of the largest message.
        name: The name that the certificate there must have; empty for the host's own.
    """
    options: list[tuple[str, int | str]] = [
        *_sizes(max_message_size),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", _ATTEMPT),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        *_KEEPALIVE,
    ]
    if is_loopback(host):
        options.append(("grpc.enable_http_proxy", 0))
    if name:
        options.append(("grpc.ssl_target_name_override", name))
    return options


def _sizes(max_message_size: int) -> list[tuple[str, int]]:
    size = min(max_message_size, _MAX_INT)  # gRPC's own limit of one message
    return [
        ("grpc.max_send_message_length", size),
        ("grpc.max_receive_message_length", size),
        ("grpc.max_metadata_size", _HEADERS),
        ("grpc.absolute_max_metadata_size", 2 * _HEADERS),
    ]


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host.startswith(UNIX):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def authority(host: str, port: int) -> str:
    """`host:port` as gRPC takes it, an IPv6 address in brackets; `unix:/path` as it is."""
    if host.startswith(UNIX):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
