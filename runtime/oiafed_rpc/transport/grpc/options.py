"""How channels and servers are set up."""

from __future__ import annotations

import ipaddress

_MAX_INT = 2**31 - 1


def server_options(max_message_size: int) -> list[tuple[str, int]]:
    """Options of a server: a second server on its port fails, and pings of idle peers are welcome."""
    return [
        *_sizes(max_message_size),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def channel_options(host: str, max_message_size: int) -> list[tuple[str, int]]:
    """Options of a channel: quick to reconnect, and past no proxy on this machine."""
    options = [
        *_sizes(max_message_size),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
    ]
    if is_loopback(host):
        options.append(("grpc.enable_http_proxy", 0))
    return options


def _sizes(max_message_size: int) -> list[tuple[str, int]]:
    size = min(max_message_size, _MAX_INT)  # gRPC's own limit of one message
    return [("grpc.max_send_message_length", size), ("grpc.max_receive_message_length", size)]


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def authority(host: str, port: int) -> str:
    """`host:port` as gRPC takes it, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
