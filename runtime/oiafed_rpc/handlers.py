"""What answers calls: generated handler classes, and plain functions under a name."""

from __future__ import annotations

import functools
import inspect
from abc import ABC
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, ClassVar

from oiafed_rpc.codec.messages import Params
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.limits import Gate
from oiafed_rpc.method import Method
from oiafed_rpc.streams import asynchronous
from oiafed_rpc.workers import WORKERS


class Handler(ABC):  # noqa: B024 - the generated subclasses have the abstract methods
    """Base of the generated handler classes: subclass one of those and implement its methods.

    A method may be a coroutine function, which runs on the event loop, or an ordinary function, which runs in a
    worker thread.
    """

    __role__: ClassVar[str] = ""
    __methods__: ClassVar[tuple[Method[Any], ...]] = ()


class Target:
    """A function that answers calls, and how it wants to be called.

    Args:
        function: A coroutine function, an ordinary function, or a generator function of either sort.
        gate: What its calls pass.
        unpack: Whether it takes the payload as keyword arguments, or whole as its only argument.
        typed: Whether the payload is known to fit its signature.
        params: What makes typed parameters of a schema-less payload, for a method of a schema.

    Attributes:
        gate: As given.
        spec: The method of a schema that schema-less callers reach; None for a function under a name.
        gives_stream: Whether it answers with a stream.
    """

    def __init__(
        self, function: Callable[..., Any], gate: Gate, *, unpack: bool, typed: bool, params: Params | None = None
    ) -> None:
        self.gate = gate
        self._function = function
        self._on_loop = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        self._unpack = unpack
        self._params = params
        self._signature = None if typed else inspect.signature(function)
        self.spec: Method[Any] | None = None
        self.gives_stream = inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function)

    def for_dynamic(self, spec: Method[Any]) -> Target:
        """The same function for schema-less callers, whose payload need not fit."""
        params = spec.request if isinstance(spec.request, Params) else None
        target = Target(self._function, self.gate, unpack=True, typed=False, params=params)
        target.spec = spec
        target.gives_stream = spec.gives_stream
        return target

    def __call__(self, payload: Any, title: str) -> Awaitable[Any]:
        """The result of a unary call.

        Raises:
            RpcError: INVALID_ARGUMENT where the payload does not fit the signature.
        """
        if self._signature is not None:
            payload = self._fitted(self._signature, payload, title)
        if not self._on_loop:
            return self._in_thread(payload)
        answer: Awaitable[Any] = self._function(**payload) if self._unpack else self._function(payload)
        return answer

    def _fitted(self, signature: inspect.Signature, payload: Any, title: str) -> dict[str, Any]:
        """A schema-less payload as the function takes it, in a dict that is nobody else's."""
        try:
            fitted = dict(payload) if self._params is None else self._params.from_plain(payload)
            signature.bind(**fitted) if self._unpack else signature.bind(fitted)
        except FieldError as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{title}: {error}") from None
        except (TypeError, ValueError) as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{title}: {error}; it takes {signature}") from None
        return fitted

    async def _in_thread(self, payload: Any) -> Any:
        function = self._function
        bound = functools.partial(function, **payload) if self._unpack else functools.partial(function, payload)
        result = await WORKERS.run(bound, self.gate.stay)
        return await result if inspect.isawaitable(result) else result

    async def stream(self, payload: Any, title: str) -> AsyncIterator[Any]:
        """The items of a streaming call, as an asynchronous iterator."""
        if self._signature is not None:
            payload = self._fitted(self._signature, payload, title)
        if self._on_loop:
            items = self._function(**payload) if self._unpack else self._function(payload)
            return _iterator(await items if inspect.isawaitable(items) else items)
        return _iterator(await self._in_thread(payload))


def _iterator(items: AsyncIterable[Any] | Iterable[Any]) -> AsyncIterator[Any]:
    try:
        return asynchronous(items)
    except TypeError:
        raise TypeError(f"the handler gave {type(items).__name__}, not a stream: yield the items") from None


def check_signature(handler: Handler, spec: Method[Any]) -> None:
    """See whether a method takes the parameters that its schema gives it: type checkers let other names pass.

    Raises:
        TypeError: where it does not.
    """
    signature = inspect.signature(getattr(handler, spec.attribute))
    names = spec.request.names if isinstance(spec.request, Params) else ()
    try:
        signature.bind(**dict.fromkeys(names)) if isinstance(spec.request, Params) else signature.bind(None)
    except TypeError as error:
        single = "(requests)" if spec.takes_stream else "(request)"
        wanted = f"({', '.join(names)})" if isinstance(spec.request, Params) else single
        where = f"{type(handler).__name__}.{spec.attribute}"
        raise TypeError(f"{where} takes {signature}, but the schema gives it {wanted}: {error}") from None


def takes_whole_payload(function: Callable[..., Any]) -> bool:
    """Whether a function has one positional parameter and no other: then that is the payload as a dict."""
    parameters = list(inspect.signature(function).parameters.values())
    return len(parameters) == 1 and parameters[0].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
