"""What outlives the call in which it is made.

Timers, readers of descriptors and tasks keep the context variables of whoever makes them, and so the request that a
handler answers, with its payload. What stays when that handler has ended is made with none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def apart_from_calls(make: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Make something that lasts, such as a timer: `apart_from_calls(loop.call_later, 30, close)`."""
    return Context().run(make, *args, **options)
