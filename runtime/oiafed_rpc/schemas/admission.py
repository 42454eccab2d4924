"""Sees that a call is understood before it is sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.schemas.acquaintances import Acquaintances
from oiafed_rpc.schemas.agreement import Agreement, Conflict, agree, full
from oiafed_rpc.schemas.described import NotDescribedError, described
from oiafed_rpc.schemas.shape import fingerprint, fingerprint_of
from oiafed_rpc.system.types import DescribeReply, HelloReply
from oiafed_rpc.workers import WORKERS

_MOST_AGREEMENTS = 1024
_MOST_TOLD = 3
_REMEDY = "Generate the code of both from one schema; `oiafed-gen --against` tells what keeps old and new nodes apart"


class Asking(Protocol):
    """Asks another node about its schema; raises RpcError where it does not answer."""

    async def hello(self, target: str) -> HelloReply:
        """Who it is, and what methods it has by now."""
        ...

    async def describe(self, target: str, path: str) -> DescribeReply:
        """What a method looks like there."""
        ...


class Admission:
    """Looks at the calls of one node to others whose schema is another, or may be.

    Args:
        node_id: The node that makes the calls.
        acquaintances: What the others have told.
        asking: Asks them for more.
    """

    def __init__(self, node_id: str, acquaintances: Acquaintances, asking: Asking) -> None:
        self._node_id = node_id
        self._acquaintances = acquaintances
        self._asking = asking
        self._agreements: dict[tuple[Method[Any], int], Agreement] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def admitted(self, message: Message) -> Message:
        """The request as it is to be sent.

        Raises:
            RpcError: FAILED_PRECONDITION where the node that is called, or this one, would read the other wrongly.
        """
        spec = message.spec
        if spec is None or spec.provided or not spec.role:
            return message
        target = message.target
        agreement = self._known(target, spec)
        if agreement is None:
            async with self._locks.setdefault(target, asyncio.Lock()):  # one asks, and the others wait
                agreement = self._known(target, spec) or await self._learned(target, spec)
        conflicts = agreement.conflicts or (agreement.by_name if message.serializer else agreement.by_number)
        if conflicts:
            raise self._refusal(spec, target, conflicts)
        known = self._acquaintances.of.get(target)
        message.schema = known.schema if known is not None else ""
        return message if agreement.spec is spec else replace(message, spec=agreement.spec, encoded=None)

    def _known(self, target: str, spec: Method[Any]) -> Agreement | None:
        """What is known to hold for a method; None where the node has to be asked."""
        known = self._acquaintances.of.get(target)
        if known is None:
            return full(spec)
        mark = known.methods.get(spec.path)
        if mark is None:
            return None
        agreement = full(spec) if mark == fingerprint_of(spec) else self._agreements.get((spec, mark))
        if agreement == full(spec):
            known.alike.add(spec)
        return agreement

    async def _learned(self, target: str, spec: Method[Any]) -> Agreement:
        """What a node says of a method when it is asked."""
        known = self._acquaintances.of[target]
        if spec.path not in known.methods:
            reply = await self._asking.hello(target)
            self._acquaintances.meet(target, reply.schema, reply.methods, reply.ledger)
            agreement = self._known(target, spec)
            if agreement is not None:
                return agreement
            known = self._acquaintances.of[target]
            if spec.path not in known.methods:
                return full(spec)  # the node itself says best what it has instead
        mark = known.methods[spec.path]
        agreement = await self._compared(target, spec, mark)
        if len(self._agreements) >= _MOST_AGREEMENTS:
            self._agreements.clear()
        self._agreements[spec, mark] = agreement
        return self._known(target, spec) or agreement

    async def _compared(self, target: str, spec: Method[Any], mark: int) -> Agreement:
        try:
            reply = await self._asking.describe(target, spec.path)
            agreement: Agreement = await WORKERS.run(partial(_compare, spec, reply, mark))
            return agreement
        except NotDescribedError as error:
            problem = str(error)
        except RetriableError as error:
            error.ran = False  # the call itself
            raise
        except RpcError as error:
            if error.code is not Code.UNIMPLEMENTED:
                raise
            problem = "it does not tell how"
        raise RpcError(
            Code.FAILED_PRECONDITION,
            f"{spec.title} can't be called on node {target!r}, whose schema differs: {problem}",
            {"node": target, "method": spec.title},
        )

    def _refusal(self, spec: Method[Any], target: str, conflicts: tuple[Conflict, ...]) -> RpcError:
        told = "; ".join(each.told(self._node_id, target) for each in conflicts[:_MOST_TOLD])
        more = f"; and {len(conflicts) - _MOST_TOLD} more" if len(conflicts) > _MOST_TOLD else ""
        first = conflicts[0]
        where = {"node": target, "method": spec.title}
        differs = {"differs": first.path, "here": first.here, "there": first.there}
        message = f"{spec.title} can't be called on node {target!r}, whose schema differs: {told}{more}. {_REMEDY}"
        return RpcError(Code.FAILED_PRECONDITION, message, where | differs)


def _compare(spec: Method[Any], reply: DescribeReply, mark: int) -> Agreement:
    """The agreement on a method.

    Raises:
        NotDescribedError: where what a node describes is not what it has told the fingerprint of.
    """
    shape = described(reply).get(spec.path)
    if shape is None:
        raise NotDescribedError("it does not tell how")
    if fingerprint(shape) != mark:
        raise NotDescribedError("what it describes is not what it has introduced itself with")
    return agree(spec, shape)
