"""A call to many nodes that is neither awaited nor iterated over says so."""

from __future__ import annotations

from typing import Any

import pytest
from oiafed_rpc import Node
from oiafed_rpc.testing import Federation


async def _trainer(federation: Federation) -> Node:
    learner = await federation.node("learner_0", "learner")
    learner.register_handler("ping", lambda data: "pong")
    return await federation.node("trainer", "trainer")


async def test_a_forgotten_await_is_warned_of(federation: Federation) -> None:
    learners = (await _trainer(federation)).get_collection(targets=["learner_0"])
    calls = [learners.broadcast("ping")]
    with pytest.warns(RuntimeWarning, match="ping was called without 'await' or 'async for', so nothing was sent"):
        calls.clear()


async def test_replies_of_a_forgotten_await(federation: Federation) -> None:
    learners = (await _trainer(federation)).get_collection(targets=["learner_0"])
    replies: Any = learners.broadcast("ping")
    for name in ("items", "values", "errors"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'; its replies have: await it first"):
            getattr(replies, name)
    with pytest.raises(AttributeError, match=r"a broadcast has no attribute 'result'$"):
        _ = replies.result
    assert dict(await replies) == {"learner_0": "pong"}
