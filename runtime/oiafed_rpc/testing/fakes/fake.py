"""The base of the generated fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar, cast

from oiafed_rpc.handlers import Handler
from oiafed_rpc.testing.fakes.call import RecordedCall
from oiafed_rpc.testing.fakes.script import Script, StreamScript, UnaryScript

R = TypeVar("R")


class Scripts:
    """Base of what a fake has for its methods: generated subclasses have a script as an attribute for each."""


class Fake(Handler):
    """Base of the generated fakes: a handler whose answers a test scripts.

    Args:
        scripts: What its methods answer.
    """

    def __init__(self, scripts: Scripts, /) -> None:
        self._rpc_scripts: dict[str, Script[..., Any, Any]] = vars(scripts)

    async def _rpc_unary(self, name: str, call: RecordedCall[R], /) -> R:
        script = cast("UnaryScript[..., RecordedCall[R], R]", self._rpc_scripts[name])
        return await script.answer(call)

    def _rpc_stream(self, name: str, call: RecordedCall[R], /) -> AsyncIterator[R]:
        script = cast("StreamScript[..., RecordedCall[R], R]", self._rpc_scripts[name])
        return script.answer(call)


def scripts_of(fake: Fake) -> Iterator[Script[..., Any, Any]]:
    """The scripts of a fake's methods, in the order of the schema."""
    yield from fake._rpc_scripts.values()  # pyright: ignore[reportPrivateUsage] - fakes have the names of a schema
