"""What changed among the fields of a class or the parameters of a method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Severity
from oiafed_gen.evolution.breaches import Breach, Level
from oiafed_gen.evolution.surface import Slot


class SlotChanges:
    """Compares the fields or parameters of one thing.

    Args:
        owner: The full name of the message that has them.
        words: What people call that which has them.
        location: Where that is.
        kind: What they are: `field` or `parameter`.
    """

    def __init__(self, owner: str, words: str, location: Location, kind: str) -> None:
        self._owner = owner
        self._words = words
        self._location = location
        self._kind = kind

    def between(self, old: Sequence[Slot], new: Sequence[Slot]) -> Iterator[Breach]:
        """Yield what breaks code that uses them."""
        partners = _partners(old, new)
        for slot in old:
            partner = partners.get(slot.name)
            yield from self._removed(slot) if partner is None else self._changed(slot, partner)
        kept = {slot.name for slot in partners.values()}
        for slot in new:
            if slot.name not in kept and not slot.default:
                yield self._breach(Code.NEW_REQUIRED, slot, f"the new {self._kind} '{slot.name}' has no default")
        yield from self._order(old, new, partners)

    def _removed(self, slot: Slot) -> Iterator[Breach]:
        yield Breach(
            code=Code.REMOVED_FIELD,
            level=Level.SOURCE,
            path=f"{self._owner}.{slot.proto}",
            location=self._location,
            message=f"in {self._words}, the {self._kind} '{slot.name}' was removed",
        )

    def _changed(self, old: Slot, new: Slot) -> Iterator[Breach]:
        if old.name != new.name:
            yield self._breach(Code.RENAMED_FIELD, new, f"'{old.name}' was renamed to '{new.name}'")
        if (old.annotation, old.named) != (new.annotation, new.named):
            message = f"'{new.name}' changed from {old.annotation} to {new.annotation}"
            yield self._breach(Code.CHANGED_TYPE, new, message)
        elif old.default and not new.default:
            message = f"'{new.name}' must be given now; before, it was {old.default} where it was not"
            yield self._breach(Code.NEW_REQUIRED, new, message)
        elif old.default and old.default != new.default:
            message = f"the default of '{new.name}' changed from {old.default} to {new.default}"
            yield self._breach(Code.CHANGED_DEFAULT, new, message, Severity.WARNING)

    def _order(self, old: Sequence[Slot], new: Sequence[Slot], partners: dict[str, Slot]) -> Iterator[Breach]:
        """Look for parameters that a call without names would give to another, or not give any more."""
        places = {slot.name: place for place, slot in enumerate(slot for slot in new if slot.by_position)}
        for place, slot in enumerate(slot for slot in old if slot.by_position):
            partner = partners.get(slot.name)
            now = places.get(partner.name) if partner else place
            if partner and now is None:
                message = f"'{partner.name}' could be given by position and must be given by name now"
                yield self._breach(Code.MOVED_PARAMETER, partner, message)
                return
            if partner and now != place:
                message = f"'{partner.name}' was parameter {place + 1} and is parameter {(now or 0) + 1} now"
                yield self._breach(Code.MOVED_PARAMETER, partner, message)
                return  # those behind it have moved with it

    def _breach(self, code: Code, slot: Slot, message: str, severity: Severity = Severity.ERROR) -> Breach:
        advice = "give it a default, or make it optional" if code is Code.NEW_REQUIRED else ""
        return Breach(
            code=code,
            level=Level.SOURCE,
            path=f"{self._owner}.{slot.proto}",
            location=slot.location,
            message=f"in {self._words}, {message}",
            advice=advice,
            severity=severity,
        )


def _partners(old: Sequence[Slot], new: Sequence[Slot]) -> dict[str, Slot]:
    """Return what each slot has become, by its old name: the one of the same name, or of the same number if none is."""
    names = {slot.name: slot for slot in new}
    former = {slot.name for slot in old}
    numbers = {slot.number: slot for slot in new if slot.name not in former}
    found = ((slot.name, names.get(slot.name) or numbers.get(slot.number)) for slot in old)
    return {name: slot for name, slot in found if slot is not None}
