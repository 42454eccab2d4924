"""Processes that serve until the one that started them hangs up."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any

_GRACE = 30.0  # seconds to end in


@asynccontextmanager
async def child(target: Callable[..., None], *args: Any) -> AsyncIterator[Connection]:
    """Run a function in a process of its own, with one end of a pipe and some arguments; gives the other end."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, *args), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        await asyncio.to_thread(process.join, _GRACE)
        process.kill()


@asynccontextmanager
async def server(target: Callable[..., None], *args: Any) -> AsyncIterator[int]:
    """The same for one that tells first where it listens; gives that port."""
    async with child(target, *args) as pipe:
        yield await asyncio.to_thread(pipe.recv)
