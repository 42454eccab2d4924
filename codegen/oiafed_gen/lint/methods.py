"""Methods say what the runtime needs to know of them."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.generate import Resolved
from oiafed_gen.lint.finding import Finding
from oiafed_gen.lint.usage import reached
from oiafed_gen.model import Method, walk_methods
from oiafed_gen.provided import NATIVE

_TENSORS = {NATIVE["tensor"], NATIVE["tensors"]}
_READING = ("get", "list", "describe", "find", "count", "read", "status", "has", "is")


def without_timeout(resolved: Resolved) -> Iterator[Finding]:
    """Yield methods that move arrays within the time that a node gives to any request."""
    for method in _methods(resolved):
        if method.timeout is None and reached(resolved.table, {method.request, method.response}) & _TENSORS:
            message = f"'{method.name}' moves arrays, which takes time; give it a `timeout` of its own"
            yield Finding(method.location, message)


def read_like(resolved: Resolved) -> Iterator[Finding]:
    """Yield methods that only read, by their names, and yet are not tried again when a connection breaks."""
    for method in _methods(resolved):
        if not method.idempotent and method.name.split("_")[0] in _READING:
            message = f"'{method.name}' sounds as if it only read; say that it is idempotent, so that it is tried again"
            yield Finding(method.location, message)


def _methods(resolved: Resolved) -> Iterator[Method]:
    return (method for file in resolved.schema.files for method in walk_methods(file))
