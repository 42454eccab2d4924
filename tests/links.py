"""TCP links between a node and its callers, over two addresses of this machine."""

from __future__ import annotations

import os

from oiafed_rpc.testing import FaultProxy


def near_and_far() -> tuple[str, str]:
    """Two addresses of this machine that no other process uses: what is free on one is free on the other."""
    high, low = divmod(os.getpid() % (1 << 15), 256)
    return f"127.{64 + high % 128}.{low}.1", f"127.{64 + high % 128}.{low}.2"


def link() -> FaultProxy:
    """Leads from a port of the one address to the same port of the other."""
    near, far = near_and_far()
    return FaultProxy(far, listen=near)
