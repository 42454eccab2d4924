"""What may be a key of a dict or an item of a set, so that hashing and comparing stay cheap."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Collection
from types import NoneType
from typing import Any

import numpy as np

from oiafed_rpc.records import OpenEnum
from oiafed_rpc.serializer.base import SerializerError, kind_of
from oiafed_rpc.serializer.pickling.allowed import Allowed
from oiafed_rpc.serializer.pickling.budget import Budget
from oiafed_rpc.steps import are_of

MAX_DEPTH = 8
MAX_LEAVES = 1000
MAX_COLLISIONS = 16

_OWN_HASH = (1 << 61) - 1  # smaller integers hash to themselves
_GOOD: frozenset[type[Any]] = frozenset(
    {str, bytes, bool, NoneType, datetime.date, datetime.datetime, datetime.time, datetime.timezone, type}
)
"""Kinds whose hashes a peer can't make collide: keyed with a secret, or few."""

_WEAK: frozenset[type[Any]] = frozenset(
    {int, float, complex, tuple, frozenset, range, datetime.timedelta, decimal.Decimal, uuid.UUID}
)
"""Kinds whose hashes a peer can choose: colliding ones are counted."""

_COMPOUND: tuple[type[Any], ...] = (tuple, frozenset)

_COST = 64
_COST_OF_DECIMAL = 512


class Keys:
    """Judges the keys of one decode.

    Args:
        budget: Pays for hashing what is large.
        allowed: Instances of these classes may be keys as well.
    """

    def __init__(self, budget: Budget, allowed: Allowed) -> None:
        self._budget = budget
        self._allowed = allowed
        self._hashes: dict[int, tuple[object, dict[int, int]]] = {}

    def check(self, container: object, keys: Collection[object]) -> None:
        """See whether keys may go into a dict or set.

        Raises:
            SerializerError: for one that has no cheap hash, or for too many of one hash.
        """
        if are_of(_GOOD, keys):
            return
        for key in keys:
            if type(key) is not int or not -_OWN_HASH < key < _OWN_HASH:
                self._check_one(container, key)

    def _check_one(self, container: object, key: Any) -> None:
        if type(key) in _GOOD or isinstance(key, OpenEnum):
            return
        if issubclass(type(key), _COMPOUND):
            self._leaves(key, 1, MAX_LEAVES)
        else:
            self._leaf(key)
        if type(key) in _WEAK or issubclass(type(key), np.generic):
            self._count(container, hash(key))

    def _leaves(self, key: Any, depth: int, room: int) -> int:
        if type(key) not in _WEAK and not self._allowed.covers(kind_of(key)):
            raise _unfit(key)
        if depth > MAX_DEPTH:
            raise SerializerError(f"a key from a peer is nested deeper than {MAX_DEPTH} levels: refused")
        for item in key:
            room -= 1
            if room < 0:
                raise SerializerError(f"a key from a peer has more than {MAX_LEAVES} parts: refused")
            if issubclass(type(item), _COMPOUND):
                room = self._leaves(item, depth + 1, room)
            else:
                self._leaf(item)
        return room

    def _leaf(self, key: object) -> None:
        kind = type(key)
        if not (
            kind in _GOOD or kind in _WEAK or isinstance(key, np.generic | np.dtype | OpenEnum | type)
        ) and not self._allowed.covers(kind):
            raise _unfit(key)
        self._budget.small(_COST_OF_DECIMAL if kind is decimal.Decimal else _COST)
        if isinstance(key, int):
            self._budget.small(key.bit_length() >> 3)

    def _count(self, container: object, hashed: int) -> None:
        _, counts = self._hashes.setdefault(id(container), (container, {}))
        counts[hashed] = counts.get(hashed, 0) + 1
        if counts[hashed] > MAX_COLLISIONS:
            raise SerializerError(f"more than {MAX_COLLISIONS} keys of one hash from a peer: refused")


def _unfit(key: object) -> SerializerError:
    return SerializerError(f"a {type(key).__name__} may not be a key from a peer")
