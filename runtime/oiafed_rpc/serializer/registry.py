"""The serializers of one node: what it sends with, and what it accepts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oiafed_rpc.serializer.base import Buffer, Packed, Serializer, SerializerError, did_you_mean, unfit
from oiafed_rpc.serializer.json import JsonSerializer
from oiafed_rpc.serializer.pickling import PickleSerializer
from oiafed_rpc.serializer.proto import ProtoSerializer

BUILT_IN: dict[str, Callable[[], Serializer]] = {
    kind.name: kind for kind in (PickleSerializer, JsonSerializer, ProtoSerializer)
}
"""The serializers that every node has, by name."""

PROTO = ProtoSerializer.name


class Serializers:
    """The sender names its serializer; the receiver uses it if it is one that it accepts.

    Args:
        default: What schema-less payloads and `any` values are sent with; the name stands for a built-in one. None:
            pickle.
        accept: All that this node reads. None: the built-in ones, and `default`.
        typed: What typed messages are sent with: `proto`, each its own proto3 message, or the name of another
            serializer that is known here.

    Attributes:
        typed: The same.

    Raises:
        ValueError: for a serializer without a name, and for a name that is not known.
    """

    def __init__(
        self,
        default: Serializer | str | None = None,
        accept: Iterable[Serializer | str] | None = None,
        *,
        typed: str = PROTO,
    ) -> None:
        self._default = _made(default or PickleSerializer.name)
        accepted = [self._default, *map(_made, BUILT_IN)] if accept is None else [*map(_made, accept)]
        self._accepted = _by_name(accepted)
        self._names = tuple(self._accepted)
        self._known = _by_name([self._default, *accepted, *map(_made, BUILT_IN)])
        self._views: dict[str, Serializers] = {}
        self.check_known(typed)
        self.typed = typed

    @property
    def names(self) -> tuple[str, ...]:
        """The serializers that this node reads."""
        return self._names

    @property
    def default(self) -> str:
        """The serializer that schema-less payloads and `any` values are sent with."""
        return self._default.name

    def accepts(self, name: str) -> bool:
        """Whether this node reads what a serializer made; `proto` also stands for typed messages' own bodies."""
        return name in self._accepted

    def check_accepted(self, name: str) -> None:
        """See whether this node reads what a serializer made; raises SerializerError naming those that it reads."""
        if name not in self._accepted:
            listed = ", ".join(sorted(self._accepted))
            raise SerializerError(f"the serializer {name[:40]!r} is not accepted here; accepted: {listed}")

    def check_known(self, name: str) -> None:
        """See whether there is a serializer of a name; raises SerializerError, a ValueError, naming those there are."""
        if name not in self._known:
            near = did_you_mean(name, self._known)
            listed = ", ".join(sorted(self._known))
            raise SerializerError(f"there is no serializer {name[:40]!r} here{near}; known: {listed}")

    def using(self, name: str) -> Serializers:
        """These serializers, but sending with the one of a name.

        Raises:
            SerializerError: where there is none of that name.
        """
        if name == self._default.name:
            return self
        view = self._views.get(name)
        if view is None:
            self.check_known(name)
            view = self._views[name] = copy.copy(self)
            view._default = self._known[name]
        return view

    def for_reader(self, names: Sequence[str], wish: str = "") -> Serializers:
        """These serializers, but sending with one that a peer reads.

        Args:
            names: What the peer reads; empty where that is not known.
            wish: What the peer has sent with, which it gets its reply in if it reads that too.
        """
        if wish and wish in self._known and (wish in names or not names):
            return self.using(wish)
        if not names or self._default.name in names:
            return self
        return self.using(next((name for name in self._known if name in names), self._default.name))

    def dump(self, obj: Any) -> Packed:
        """Serialize an object with the default serializer.

        Raises:
            SerializerError: where it can't be; the message says why.
        """
        try:
            return self._default.dump(obj)
        except SerializerError:
            raise
        except Exception as error:
            raise unfit(self._default.name, obj, error) from error

    def load(self, name: str, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Deserialize what a peer sent.

        Raises:
            SerializerError: where it is not valid, not allowed, or of a serializer that this node does not accept.
        """
        self.check_accepted(name)
        try:
            return self._accepted[name].load(data, buffers)
        except SerializerError:
            raise
        except Exception as error:
            raise SerializerError(f"not valid {name}: {type(error).__name__}: {str(error)[:300]}") from error


def _by_name(serializers: Iterable[Serializer]) -> dict[str, Serializer]:
    """Those of one name: the first wins."""
    named: dict[str, Serializer] = {}
    for each in serializers:
        if not each.name:
            raise ValueError(f"{type(each).__name__} has no name: receivers tell serializers apart by `name`")
        named.setdefault(each.name, each)
    return named


def _made(serializer: Serializer | str) -> Serializer:
    if not isinstance(serializer, str):
        return serializer
    if serializer not in BUILT_IN:
        raise ValueError(
            f"there is no built-in serializer {serializer[:40]!r}{did_you_mean(serializer, BUILT_IN)}; there are "
            f"{', '.join(BUILT_IN)}"
        )
    return BUILT_IN[serializer]()
