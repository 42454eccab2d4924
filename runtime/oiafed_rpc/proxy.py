"""What stands for another node: typed by a generated subclass, or schema-less."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, Self, cast

from oiafed_rpc.bulk.meter import Progress, Transfer
from oiafed_rpc.caller import Caller
from oiafed_rpc.dynamic import CALL, STREAM
from oiafed_rpc.method import Method, R
from oiafed_rpc.options import DEFAULTS, Options
from oiafed_rpc.retry import RetryPolicy


class Proxy:
    """Calls one node. `Node.get_proxy` makes it; generated subclasses add the methods of a role."""

    __slots__ = ("_rpc_caller", "_rpc_options", "_rpc_target")
    __role__: ClassVar[str] = ""

    def __init__(self, caller: Caller, target: str, options: Options | None = None, /) -> None:
        self._rpc_caller = caller
        self._rpc_target = target
        self._rpc_options = options or DEFAULTS

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._rpc_target!r})"

    @property
    def target(self) -> str:
        """The id of the node that is called."""
        return self._rpc_target

    def with_options(
        self,
        *,
        timeout: float | None = None,
        metadata: Mapping[str, str] | None = None,
        serializer: str | None = None,
        retry: RetryPolicy | Literal[False] | None = None,
        idempotent: bool | None = None,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Self:
        """A proxy for the same node whose calls take other options.

        Args:
            timeout: Seconds until a call's deadline.
            metadata: Text that travels along, by lowercase key, on top of what this proxy sends already.
            serializer: What payloads are sent with: `proto`, `pickle`, `json`, or the name of one of the node's own.
            retry: How failed attempts are repeated; False for not at all.
            idempotent: Whether a call may run twice with the same effect, where its schema does not say.
            progress: Is called with a `Transfer` while a large payload travels, on the node's event loop: at
                its first chunk, about 20 times a second, and at its end, before the call returns. What it raises is
                logged once. `oiafed_rpc.progress_bar.ProgressBar` is one.

        Raises:
            ValueError: for a timeout that is not positive, metadata that can't travel, or an unknown serializer.
            TypeError: for a retry or a progress that is none.
        """
        given = Options(timeout, metadata or {}, serializer, retry, idempotent, Progress.of(progress))
        options = self._rpc_options.merged(given)
        if serializer is not None:
            self._rpc_caller.serializers.check_known(serializer)
        return type(self)(self._rpc_caller, self._rpc_target, options)

    async def call(self, method: str, /, **payload: Any) -> Any:
        """Call a method by name, without a schema. One argument may be a stream: a generator, or any other iterator.

        Raises:
            RpcError: where the call failed, whatever the reason.
        """
        return await self._rpc_caller.unary(CALL, method, self._rpc_target, payload, self._rpc_options)

    def stream(self, method: str, /, **payload: Any) -> AsyncIterator[Any]:
        """Call a streaming method by name, without a schema, and take its items as they come; errors as for `call`."""
        return self._rpc_caller.stream(STREAM, method, self._rpc_target, payload, self._rpc_options)

    def _rpc_call(self, method: Method[R], payload: object) -> Awaitable[R]:
        return self._rpc_caller.unary(method, method.title, self._rpc_target, payload, self._rpc_options)

    def _rpc_stream(self, method: Method[R], payload: object) -> AsyncIterator[R]:
        items = self._rpc_caller.stream(method, method.title, self._rpc_target, payload, self._rpc_options)
        return cast("AsyncIterator[R]", items)
