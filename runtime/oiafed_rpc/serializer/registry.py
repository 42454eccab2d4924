"""The serializers of one node: the one it sends with, and those it accepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from oiafed_rpc.serializer.base import Buffer, Packed, Serializer, SerializerError
from oiafed_rpc.serializer.pickling import PickleSerializer


class Serializers:
    """The sender names its serializer; the receiver uses it if it is one that it accepts.

    Args:
        default: What this node sends with.
        accept: What it reads beside that.

    Raises:
        ValueError: for a serializer without a name.
    """

    def __init__(self, default: Serializer | None = None, accept: Iterable[Serializer] = ()) -> None:
        self._default = default or PickleSerializer()
        self._accepted = {each.name: each for each in (self._default, *accept)}
        unnamed = self._accepted.get("")
        if unnamed is not None:
            raise ValueError(f"{type(unnamed).__name__} has no name: receivers tell serializers apart by `name`")

    @property
    def names(self) -> tuple[str, ...]:
        """The serializers that this node reads, its own first."""
        return tuple(self._accepted)

    def for_reader(self, names: Sequence[str]) -> Serializers:
        """These serializers, but sending with one that a peer reads: the default wherever it does.

        Args:
            names: What the peer reads; empty where that is not known.
        """
        if not names or self._default.name in names:
            return self
        common = next((self._accepted[name] for name in names if name in self._accepted), self._default)
        return Serializers(common, self._accepted.values())

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
            raise SerializerError(f"{self._default.name} can't serialize {type(obj).__name__}: {error}") from error

    def load(self, name: str, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Deserialize what a peer sent.

        Raises:
            SerializerError: where it is not valid, not allowed, or of a serializer that this node does not accept.
        """
        serializer = self._accepted.get(name)
        if serializer is None:
            known = ", ".join(sorted(self._accepted))
            raise SerializerError(f"the serializer {name[:40]!r} is not accepted here; accepted: {known}")
        try:
            return serializer.load(data, buffers)
        except SerializerError:
            raise
        except Exception as error:
            raise SerializerError(f"not valid {name}: {type(error).__name__}: {error}") from error
