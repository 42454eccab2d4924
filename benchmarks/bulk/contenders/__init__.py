"""Those who take part, by name. Each is imported where it runs, for not all can be everywhere."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.bulk.contenders.base import Contender


class Entry(NamedTuple):
    """How a contender is made.

    Attributes:
        title: What people read.
        place: Its class, as `module:Class`.
        arguments: What it is made with.
        server: The name of the contender whose servers it uses, where not its own.
        older: Whether it runs in the environment of OiaFed.
        alone: Whether it needs no second process.
    """

    title: str
    place: str
    arguments: Mapping[str, Any] = MappingProxyType({})
    server: str = ""
    older: bool = False
    alone: bool = False


ENTRIES = {
    "raw-tcp": Entry("raw TCP socket", "raw:RawSocket", {"family": "tcp"}),
    "raw-unix": Entry("raw Unix socket", "raw:RawSocket", {"family": "unix"}),
    "two-copy": Entry("shared memory, two copies", "two_copies:TwoCopies"),
    "grpc-aio": Entry("bare grpc.aio, one message", "bare:Bare"),
    "oiafed": Entry("OiaFed 0.2.3", "older:OiaFed", older=True),
    "stream": Entry("ours, gRPC stream", "ours:Ours", {"lane": "stream"}, server="ours"),
    "socket": Entry("ours, socket lane", "ours:Ours", {"lane": "socket"}, server="ours"),
    "shm": Entry("ours, shared memory", "ours:Ours", {"lane": "shared_memory"}, server="ours"),
    "ours": Entry("ours, nothing configured", "ours:Ours"),
    "stream-zstd": Entry("ours, gRPC stream, zstd", "ours:Ours", {"lane": "stream", "compress": True}, "ours-zstd"),
    "socket-zstd": Entry("ours, socket lane, zstd", "ours:Ours", {"lane": "socket", "compress": True}, "ours-zstd"),
    "ours-zstd": Entry("ours, zstd", "ours:Ours", {"compress": True}),
    "memory": Entry("ours, memory transport", "ours:OursInMemory", alone=True),
}


def make(name: str) -> Contender:
    """Make the contender of a name.

    Raises:
        ImportError: where what it needs is not installed.
    """
    entry = ENTRIES[name]
    module, _, class_name = entry.place.partition(":")
    made: Contender = getattr(importlib.import_module(f"benchmarks.bulk.contenders.{module}"), class_name)(
        **entry.arguments
    )
    return made
