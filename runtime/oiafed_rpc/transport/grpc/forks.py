"""gRPC does not survive a fork: a child of a process that has used it would hang or crash, so it is told."""

from __future__ import annotations

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.forking import on_fork


class _Use:
    """Whether gRPC works in this process.

    Its threads go on when the last channel and server are closed, so that it matters whether there ever was one.
    """

    def __init__(self) -> None:
        self._begun = False
        self._broken = False
        on_fork(self)

    def forked(self) -> None:
        """In a child of the process."""
        self._broken = self._broken or self._begun

    def begin(self) -> None:
        """Open a channel or a server.

        Raises:
            RpcError: FAILED_PRECONDITION where this process was forked from one that has used gRPC.
        """
        if self._broken:
            raise RpcError(
                Code.FAILED_PRECONDITION,
                "this process was forked from one in which nodes have used gRPC, which does not survive that: fork "
                "before the first of them starts, or use multiprocessing's 'spawn'",
            )
        self._begun = True


USE = _Use()
