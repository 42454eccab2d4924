"""Payloads as bodies and back, as a transport carries them, for tests."""

from __future__ import annotations

from typing import Any

from federation.v1 import FitResult, LearnerHandler
from oiafed_rpc import Message, Serializers
from oiafed_rpc.dynamic import CALL
from oiafed_rpc.method import Method
from oiafed_rpc.wire import Body, Wire

WIRE = Wire(Serializers())
FIT: Method[FitResult] = next(spec for spec in LearnerHandler.__methods__ if spec.name == "fit")


async def always() -> bool:
    """Every node takes transfers."""
    return True


def request(payload: Any, spec: Method[Any] = CALL, serializer: str = "") -> Message:
    """A request as its caller makes it."""
    return Message(spec.title, "trainer", "learner_0", payload, spec=spec, serializer=serializer)


def arrived(body: Body) -> Body:
    """A body as its receiver has it."""
    return Body(body.data, (), [memoryview(bytearray(run.view(0, run.nbytes))) for run in body.runs])


async def read(body: Body, spec: Method[Any] = CALL, serializer: str = "", wire: Wire = WIRE) -> Any:
    """The payload that the receiver of a request reads."""
    message = request(body.data, spec, serializer)
    message.buffers = body.buffers
    message.undecoded = True
    await wire.decode_request(message)
    return message.payload


async def again(payload: Any, spec: Method[Any] = CALL, serializer: str = "", *, apart: bool = True) -> Any:
    """A payload as it arrives."""
    body = await WIRE.encode_request(request(payload, spec, serializer), apart=always if apart else None)
    return await read(arrived(body), spec, serializer)
