"""The status that a server has sent, where the call ended while its request was still being written.

A write fails once the call has ended. `grpc.aio` then takes "Internal error from Core" for the status of the call, in
the place of the server's own, which is there already or on its way: the caller would lose the error that its handler
raised. So the core of such a call is wrapped, and what a failed write has to say is passed over.
"""

from __future__ import annotations

from typing import Any

_CORE = "_cython_call"


class _Core:
    """The core of a call, which only the server tells how it has ended."""

    def __init__(self, core: Any) -> None:
        self._core = core

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def set_internal_error(self, text: str) -> None:
        """A write has failed: the call has ended, and its status comes by itself."""


def keep_status(call: Any) -> None:
    """Let a call whose request is a stream end with its server's status, where this grpcio has such a core."""
    core = getattr(call, _CORE, None)
    if core is not None:
        setattr(call, _CORE, _Core(core))
