"""A transfer that stands still is ended, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.motion import in_motion


async def test_a_meter_dies_with_its_transfer_without_the_garbage_collector() -> None:
    meter = Meter("fit", "b", 1, sending=True, idle=5.0)
    died = weakref.ref(meter)
    gc.disable()
    try:
        async with in_motion(meter):
            await asyncio.sleep(0)
        del meter
        await asyncio.sleep(0)
        assert died() is None
    finally:
        gc.enable()


async def test_what_stands_still_is_ended() -> None:
    with pytest.raises(TimeoutError):
        async with in_motion(Meter("fit", "b", 1, sending=True, idle=0.01)):
            await asyncio.Event().wait()
