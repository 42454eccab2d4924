"""gRPC does not outlive a fork: a child of a process that was using it would hang, so it is told."""

from __future__ import annotations

import weakref

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.forking import on_fork


class _Use:
    """What this process has open of gRPC."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[object] = weakref.WeakSet()
        self._broken = False
        on_fork(self)

    def forked(self) -> None:
        """In a child: see what was open in the parent."""
        self._broken = self._broken or bool(self._open)
        self._open.clear()

    def begin(self, user: object) -> None:
        """Open a channel or a server.

        Raises:
            RpcError: FAILED_PRECONDITION where this process was forked from one that had any open.
        """
        if self._broken:
            raise RpcError(
                Code.FAILED_PRECONDITION,
                "this process was forked from one in which a node used gRPC, which does not survive that: fork before "
                "nodes start, or use multiprocessing's 'spawn'",
            )
        self._open.add(user)

    def end(self, user: object) -> None:
        """Close it."""
        self._open.discard(user)


USE = _Use()
