"""Whether it pays to pack what is sent."""

from __future__ import annotations

import threading

_WEIGHT = 0.25  # of what was measured last, against all before
_LEAST_GAIN = 0.95  # of the raw bytes: packed ones above that are not worth the unpacking
_PROBE = 16  # chunks that are sent raw before one is packed to see what has changed


class Judge:
    """Compares what it takes to pack a byte with what it takes to send it; from any thread.

    Until it knows better it packs, for somebody has asked for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ratio: float | None = None
        self._pack: float | None = None
        self._link: float | None = None
        self._raw = 0

    def due(self) -> bool:
        """Whether the next chunk is to be packed: where that pays, and now and then to see whether it does.

        What is packed to see takes a sixteenth of the time of sending at most.
        """
        with self._lock:
            if self._pays():
                return True
            self._raw += 1
            costs = self._pack / self._link if self._pack and self._link else 1
            if self._raw < _PROBE * max(1, costs):
                return False
            self._raw = 0
            return True

    def packed(self, seconds: float, raw: int, packed: int) -> None:
        """Learn of a chunk: how long it took to pack, and from how many bytes into how many."""
        with self._lock:
            self._pack = _mean(self._pack, seconds / raw)
            self._ratio = _mean(self._ratio, packed / raw)

    def sent(self, seconds: float, wire: int) -> None:
        """Learn of the link: how long it took for so many bytes."""
        if wire > 0:
            with self._lock:
                self._link = _mean(self._link, seconds / wire)

    def _pays(self) -> bool:
        """A chunk is packed while another is on the link: the slower of the two counts."""
        if self._ratio is None or self._pack is None:
            return True
        if self._ratio > _LEAST_GAIN:
            return False
        return self._link is None or max(self._pack, self._ratio * self._link) < self._link


def worth(raw: int, packed: int) -> bool:
    """Whether a chunk that was packed is sent so."""
    return packed <= _LEAST_GAIN * raw


def _mean(before: float | None, now: float) -> float:
    return now if before is None else before + _WEIGHT * (now - before)
