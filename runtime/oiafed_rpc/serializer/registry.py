"""The serializers of one node: what it sends with, and what it accepts."""

from __future__ import annotations

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
        accept: What this node reads beside that. None: all built-in ones.
        typed: What typed messages are sent with: `proto`, each its own proto3 message, or the name of another
            serializer that is accepted.

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
        accepted = [self._default, *map(_made, BUILT_IN if accept is None else accept)]
        if typed == PROTO:
            accepted.append(ProtoSerializer())
        self._accepted: dict[str, Serializer] = {}
        for each in accepted:
            if not each.name:
                raise ValueError(f"{type(each).__name__} has no name: receivers tell serializers apart by `name`")
            self._accepted.setdefault(each.name, each)
        self.check_known(typed)
        self.typed = typed

    @property
    def names(self) -> tuple[str, ...]:
        """The serializers that this node reads, its default first."""
        return tuple(self._accepted)

    @property
    def default(self) -> str:
        """The serializer that schema-less payloads and `any` values are sent with."""
        return self._default.name

    def accepts(self, name: str) -> bool:
        """Whether this node reads what a serializer made; `proto` also stands for typed messages' own bodies."""
        return name in self._accepted

    def check_known(self, name: str) -> None:
        """See whether there is a serializer of a name; raises SerializerError, a ValueError, naming those there are."""
        if name not in self._accepted:
            near = did_you_mean(name, self._accepted)
            raise SerializerError(f"there is no serializer {name[:40]!r} here{near}; known: {self._listed()}")

    def for_reader(self, names: Sequence[str]) -> Serializers:
        """These serializers, but sending with those that a peer reads: the same wherever it does.

        Args:
            names: What the peer reads; empty where that is not known.
        """
        if not names or (self._default.name in names and self.typed in {*names, PROTO}):
            return self
        common = next((each for name, each in self._accepted.items() if name in names), self._default)
        default = self._default if self._default.name in names else common
        return Serializers(default, self._accepted.values(), typed=self.typed if self.typed in names else PROTO)

    def dump(self, obj: Any, name: str = "") -> Packed:
        """Serialize an object with the default serializer, or with the one of a name.

        Raises:
            SerializerError: where it can't be, or there is no such serializer; the message says why.
        """
        if name:
            self.check_known(name)
        serializer = self._accepted[name or self._default.name]
        try:
            return serializer.dump(obj)
        except SerializerError:
            raise
        except Exception as error:
            raise unfit(serializer.name, obj, error) from error

    def load(self, name: str, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Deserialize what a peer sent.

        Raises:
            SerializerError: where it is not valid, not allowed, or of a serializer that this node does not accept.
        """
        serializer = self._accepted.get(name)
        if serializer is None:
            raise SerializerError(f"the serializer {name[:40]!r} is not accepted here; accepted: {self._listed()}")
        try:
            return serializer.load(data, buffers)
        except SerializerError:
            raise
        except Exception as error:
            raise SerializerError(f"not valid {name}: {type(error).__name__}: {str(error)[:300]}") from error

    def _listed(self) -> str:
        return ", ".join(sorted(self._accepted))


def _made(serializer: Serializer | str) -> Serializer:
    if not isinstance(serializer, str):
        return serializer
    if serializer not in BUILT_IN:
        raise ValueError(
            f"there is no built-in serializer {serializer[:40]!r}{did_you_mean(serializer, BUILT_IN)}; there are "
            f"{', '.join(BUILT_IN)}"
        )
    return BUILT_IN[serializer]()
