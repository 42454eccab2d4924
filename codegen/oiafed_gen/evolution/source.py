"""What a changed schema breaks in Python code that uses what is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location
from oiafed_gen.evolution.breaches import Breach, Level
from oiafed_gen.evolution.places import Places
from oiafed_gen.evolution.slots import SlotChanges
from oiafed_gen.evolution.surface import ERROR, Operation, Record, RoleSurface, surface_of
from oiafed_gen.generate import Resolved
from oiafed_gen.model import Enum
from oiafed_gen.python.table import Table


def source_breaches(old: Resolved, new: Resolved, places: Places) -> Iterator[Breach]:
    """Yield what breaks code; and nodes, by what protobuf knows nothing of: roles, who may call, and errors."""
    before, now = surface_of(old), surface_of(new)
    added = [record for name, record in now.records.items() if name not in before.records]
    for name, record in before.records.items():
        yield from _record(name, record, now.records.get(name), places, added)
    for enum in old.table.enums.values():
        yield from _enum(old.table, enum, new.table, places)
    for service, role in before.roles.items():
        yield from _role(service, role, now.roles.get(service), places)


def _record(path: str, old: Record, new: Record | None, places: Places, added: Sequence[Record]) -> Iterator[Breach]:
    if new is None:
        heir = next((each for each in added if _alike(old, each)), None)
        what = _fate(old, heir) if heir else "was removed"
        location = heir.location if heir else places.at(path)
        message = f"'{old.name}', {old.kind}, {what}"
        if old.kind == ERROR:  # it travels under its full name
            message += ": to older nodes it is only an RpcError"
            yield from _everywhere(Code.REMOVED_TYPE, path, location, message)
        else:
            yield _breach(Code.REMOVED_TYPE, path, location, message)
        return
    if old.kind != new.kind:
        message = f"'{new.name}' was {old.kind} and is {new.kind} now"
        yield _breach(Code.CHANGED_TYPE, path, new.location, message)
    yield from SlotChanges(path, f"'{new.name}'", new.location, "field").between(old.slots, new.slots)
    for name, proto in old.one_ofs.items():
        if name not in new.one_ofs:
            message = f"in '{new.name}', the oneof '{name}' was removed or has another name"
            yield _breach(Code.CHANGED_ONE_OF, f"{path}.{proto}", new.location, message)


def _fate(old: Record, heir: Record) -> str:
    if old.package == heir.package:
        return f"was renamed to '{heir.name}'"
    return f"is '{heir.name}' in the Python package '{'.'.join(heir.package)}' now"


def _alike(old: Record, new: Record) -> bool:
    """Whether a class looks like another one under a new name."""
    slots = [[(slot.name, slot.annotation) for slot in each.slots] for each in (old, new)]
    return old.kind == new.kind and bool(old.slots) and slots[0] == slots[1]


def _enum(table: Table, old: Enum, new: Table, places: Places) -> Iterator[Breach]:
    path = old.full_name
    enum = new.enums.get(path)
    if enum is None:
        yield _breach(Code.REMOVED_TYPE, path, places.at(path), f"'{old.name}', an enum, was removed")
        return
    members, values = new.types[path].attributes, {value.number: value for value in enum.values}
    for value in old.values:
        name = table.types[path].attributes[value.name]
        if name in members.values():
            continue
        now = values.get(value.number)
        if now is None or members[now.name] in table.types[path].attributes.values():
            message = f"in '{enum.name}', the member '{name}' was removed"
            yield _breach(Code.REMOVED_VALUE, f"{path}.{value.name}", enum.location, message)
        else:
            message = f"in '{enum.name}', the member '{name}' was renamed to '{members[now.name]}'"
            yield _breach(Code.RENAMED_VALUE, f"{path}.{now.name}", now.location, message)


def _role(service: str, old: RoleSurface, new: RoleSurface | None, places: Places) -> Iterator[Breach]:
    if new is None:
        message = f"the role '{old.name}' was removed"
        yield from _everywhere(Code.REMOVED_ROLE, service, places.at(service), message)
        return
    if old.name != new.name:
        message = f"the role '{old.name}' was renamed to '{new.name}'"
        yield from _everywhere(Code.REMOVED_ROLE, service, new.location, message)
    for rpc, operation in old.operations.items():
        path, now = f"{service}.{rpc}", new.operations.get(rpc)
        if now is None:
            message = f"in '{new.name}', the method '{operation.name}' was removed"
            yield _breach(Code.REMOVED_METHOD, path, new.location, message)
        else:
            yield from _operation(path, operation, now, new.name)


def _operation(path: str, old: Operation, new: Operation, role: str) -> Iterator[Breach]:
    words = f"'{new.name}' of '{role}'"
    yield from _callers(path, old, new, words)
    if old.streams != new.streams or old.unpacks != new.unpacks:
        message = f"{words} is called as {_call(new)} now and was called as {_call(old)} before"
        yield _breach(Code.CHANGED_METHOD, path, new.location, message)
    elif new.unpacks:
        changes = SlotChanges(new.owner, words, new.location, "parameter")
        yield from changes.between(old.parameters, new.parameters)
    else:
        yield from _request(path, old, new, words)
    if (old.result, old.result_named) != (new.result, new.result_named):
        message = f"{words} gives {new.result} now and gave {old.result} before"
        code = Code.CHANGED_METHOD if new.result_path == path else Code.CHANGED_TYPE
        yield _breach(code, new.result_path, new.result_location, message)


def _request(path: str, old: Operation, new: Operation, words: str) -> Iterator[Breach]:
    taken = [[(slot.annotation, slot.named) for slot in each.parameters] for each in (old, new)]
    if taken[0] != taken[1]:
        before, now = (" and ".join(annotation for annotation, _ in each) or "nothing" for each in taken)
        yield _breach(Code.CHANGED_METHOD, path, new.location, f"{words} takes {now} now and took {before} before")


def _callers(path: str, old: Operation, new: Operation, words: str) -> Iterator[Breach]:
    lost = old.callers - new.callers
    if not new.callers or (old.callers and not lost):
        return
    only = ", ".join(sorted(new.callers))
    before = f"also {', '.join(sorted(lost))}" if old.callers else "every role"
    message = f"only {only} may call {words} now; before, {before} could"
    for level in (Level.WIRE, Level.JSON):
        yield _breach(Code.FEWER_CALLERS, path, new.location, message, level)


def _call(operation: Operation) -> str:
    names = ", ".join(slot.name for slot in operation.parameters)
    taken, given = operation.streams
    kind = {(False, False): "", (True, False): "streaming in ", (False, True): "streaming out "}
    return f"{kind.get((taken, given), 'streaming both ways ')}{operation.name}({names})"


def _everywhere(code: Code, path: str, location: Location, message: str) -> Iterator[Breach]:
    return (_breach(code, path, location, message, level) for level in Level)


def _breach(code: Code, path: str, location: Location, message: str, level: Level = Level.SOURCE) -> Breach:
    return Breach(code=code, level=level, path=path, location=location, message=message)
