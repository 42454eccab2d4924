"""Starting, stopping and connecting."""

# Short handlers are lambdas, whose parameters nothing types.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import time

import pytest

from oiafed_rpc import Code, ConfigError, RpcError
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.part import Part


class Nodes(Part):
    """Starting, stopping and connecting."""

    async def test_a_node_starts_and_stops_twice_and_again(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        await learner.start()
        learner.register_handler("ping", lambda a=0, b=0: "pong")
        await learner.stop()
        await learner.stop()
        with pytest.raises(RpcError) as failure:
            await trainer.get_proxy("learner_0").with_options(timeout=5).call("ping")
        assert failure.value.code is Code.UNAVAILABLE
        await learner.start()
        await federation.connect(trainer, learner)
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"

    async def test_a_target_that_is_not_there_is_named(self, federation: Federation) -> None:
        trainer, _ = await federation.pair()
        with pytest.raises(RpcError, match="'nobody'") as failure:
            await trainer.get_proxy("nobody").call("ping")
        assert failure.value.code is Code.UNAVAILABLE
        with pytest.raises(RpcError, match="'nobody'"):
            async for _ in trainer.get_proxy("nobody").stream("ping"):
                pass

    async def test_connecting_to_nobody_fails_within_the_connect_timeout(self, federation: Federation) -> None:
        began = time.monotonic()
        node = federation.node("trainer", "trainer", connect_to=["ghost@127.0.0.1:1"], connect_timeout=0.4)
        with pytest.raises(RpcError, match=r"cannot connect to ghost@127\.0\.0\.1:1 within 0\.4 s") as failure:
            await node.start()
        assert failure.value.code is Code.UNAVAILABLE
        assert time.monotonic() - began < 1.4

    async def test_connecting_waits_for_a_node_that_comes_later(self, federation: Federation) -> None:
        first = await federation.start("late")
        address = federation.address(first)
        await first.stop()
        trainer = await federation.start("trainer", "trainer")
        connecting = asyncio.create_task(trainer.connect(address))
        await asyncio.sleep(0)
        await federation.start("late", transport=federation.transport_at(address))
        peer = await connecting
        assert (peer.node_id, peer.role) == ("late", "learner")

    @pytest.mark.parametrize("name", ["", "a b", "a@b", "a/b", "a\n"])
    async def test_an_impossible_id_or_role_is_refused(self, federation: Federation, name: str) -> None:
        with pytest.raises(ConfigError, match="id: "):
            federation.node(name)
        with pytest.raises(ConfigError, match="role: "):
            federation.node("learner_0", name)
        node = federation.node("learner_0")
        with pytest.raises(ConfigError, match="must "):
            await node.connect(name)

    async def test_peers_are_known_by_id_and_role(self, federation: Federation) -> None:
        trainer, _ = await federation.pair()
        peer = trainer.peers["learner_0"]
        assert (peer.node_id, peer.role) == ("learner_0", "learner")
        assert peer.epoch
        assert "trainer" not in trainer.peers
        assert [each.node_id for each in await trainer.wait_for_peers(role="learner", timeout=1)] == ["learner_0"]
        with pytest.raises(
            RpcError, match=r"1 of 3 nodes of role 'learner' connected within 0.1 s: learner_0"
        ) as failure:
            await trainer.wait_for_peers(role="learner", count=3, timeout=0.1)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        another = await federation.start("learner_1")
        waiting = asyncio.create_task(trainer.wait_for_peers(role="learner", count=2, timeout=5))
        await asyncio.sleep(0)
        await federation.connect(trainer, another)
        assert [each.node_id for each in await waiting] == ["learner_0", "learner_1"]
