"""Types and errors in YAML: their fields, what is nested in them, and the parameters and results of methods."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems
from oiafed_gen.model import FIELD_NUMBERS, Enum, OneOf, Reserved
from oiafed_gen.reading.type_syntax import TypeSyntax, TypeSyntaxError, parse_type
from oiafed_gen.reading.yaml.enums import read_enum
from oiafed_gen.reading.yaml.fields import check_fields, check_members, check_streams, refuse_streams
from oiafed_gen.reading.yaml.keys import FIELD, ONE_OF, RECORD
from oiafed_gen.reading.yaml.reserved import read_reserved
from oiafed_gen.reading.yaml.syntax import FieldSyntax, RecordSyntax
from oiafed_gen.reading.yaml.tree import Mapping, Node, Scalar
from oiafed_gen.reading.yaml.values import Values
from oiafed_gen.spelling import qualified


class Records:
    """Reads the records of one file."""

    def __init__(self, values: Values, problems: Problems) -> None:
        self._values = values
        self._problems = problems

    def types(self, outer: str, node: Node | None) -> tuple[RecordSyntax, ...]:
        """Return the types of a section, inside the package or type `outer`."""
        return self._section(outer, node, "a type", is_error=False)

    def errors(self, package: str, node: Node | None) -> tuple[RecordSyntax, ...]:
        """Return the errors of a section."""
        return self._section(package, node, "an error", is_error=True)

    def enums(self, outer: str, node: Node | None) -> tuple[Enum, ...]:
        """Return the enums of a section, inside the package or type `outer`."""
        named = self._values.named_types(self._values.mapping(node, "'enums'"), "an enum")
        return tuple(read_enum(outer, name, body, self._values) for name, body in named)

    def params(self, node: Node | None, reserved: Node | None) -> tuple[tuple[FieldSyntax, ...], Reserved]:
        """Return the parameters of a method, and what they must not be called or numbered."""
        kept = read_reserved(reserved, FIELD_NUMBERS, self._values)
        found: list[FieldSyntax] = []
        for name, body in self._values.named(self._values.mapping(node, "'params'"), "a parameter"):
            if _is_one_of(body):
                message = f"'{name.text}' cannot be a one_of: only fields of types and errors can; take such a type"
                self._problems.add(name.location, Code.BAD_ONE_OF, message)
            else:
                found.extend(self._field(name, body, "a parameter"))
        params = check_fields(tuple(found), kept, self._problems)
        check_streams(params, self._problems)
        return params, kept

    def result(self, node: Node | None) -> FieldSyntax | None:
        """Return what a method returns; None where it returns nothing."""
        if node is None or (isinstance(node, Scalar) and node.empty):
            return None
        typed = self._type(node, node.location, "'returns'")
        if typed is None:
            return None
        return FieldSyntax(name="value", location=typed[1], type=typed[0], type_location=typed[1], number=1)

    def _section(self, outer: str, node: Node | None, what: str, *, is_error: bool) -> tuple[RecordSyntax, ...]:
        section = self._values.mapping(node, "'errors'" if is_error else "'types'")
        named = self._values.named_types(section, what)
        return tuple(self._record(outer, name, body, what, is_error) for name, body in named)

    def _record(self, outer: str, name: Scalar, node: Node, what: str, is_error: bool) -> RecordSyntax:
        values = self._values
        keys = values.keys(values.mapping(node, what), RECORD, what)
        full_name = qualified(outer, name.text)
        reserved = read_reserved(keys.get("reserved"), FIELD_NUMBERS, values)
        fields, one_ofs = self._fields(keys.get("fields"), reserved)
        return RecordSyntax(
            name=name.text,
            full_name=full_name,
            location=name.location,
            fields=fields,
            is_error=is_error,
            one_ofs=one_ofs,
            reserved=reserved,
            records=self.types(full_name, keys.get("types")),
            enums=self.enums(full_name, keys.get("enums")),
            doc=values.text(keys.get("doc"), "'doc'"),
            deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
        )

    def _fields(self, node: Node | None, reserved: Reserved) -> tuple[tuple[FieldSyntax, ...], tuple[OneOf, ...]]:
        """Return the fields of a record, the members of its one_ofs among them in their places."""
        fields: list[FieldSyntax] = []
        one_ofs: list[OneOf] = []
        for name, body in self._values.named(self._values.mapping(node, "'fields'"), "a field"):
            if isinstance(body, Mapping) and _is_one_of(body):
                one_of, members = self._one_of(name, body)
                one_ofs.append(one_of)
                fields.extend(members)
            else:
                fields.extend(self._field(name, body, "a field"))
        found = check_fields(tuple(fields), reserved, self._problems)
        refuse_streams(found, self._problems)
        return found, tuple(one_ofs)

    def _one_of(self, name: Scalar, node: Mapping) -> tuple[OneOf, tuple[FieldSyntax, ...]]:
        values = self._values
        keys = values.keys(node, ONE_OF, "a one_of")
        members: list[FieldSyntax] = []
        for member, body in values.named(values.mapping(keys["one_of"], "'one_of'"), "a field"):
            if _is_one_of(body):
                message = f"'{member.text}' cannot be a one_of within one; put it into a type of its own"
                self._problems.add(member.location, Code.BAD_ONE_OF, message)
            else:
                members.extend(self._field(member, body, "a field", name.text))
        check_members(tuple(members), self._problems)
        if isinstance(keys["one_of"], Scalar) or not members:
            self._problems.add(name.location, Code.BAD_ONE_OF, f"the one_of '{name.text}' has no fields")
        return OneOf(
            name=name.text,
            location=name.location,
            members=tuple(member.name for member in members),
            doc=values.text(keys.get("doc"), "'doc'"),
        ), tuple(members)

    def _field(self, name: Scalar, node: Node, what: str, one_of: str = "") -> Iterator[FieldSyntax]:
        """Yield a field, if it has a type that can be read."""
        values = self._values
        keys: dict[str, Node] = {"type": node}  # the short form: the type alone
        if not isinstance(node, Scalar):
            keys = values.keys(values.mapping(node, what), FIELD, what)
        default = keys.get("default")
        if default is not None and not isinstance(default, Scalar):
            values.wrong(default.location, Code.WRONG_VALUE, "'default' must be a single value")
        number = values.integer(keys.get("id"), "'id'")
        doc = values.text(keys.get("doc"), "'doc'")
        deprecated = values.truth(keys.get("deprecated"), "'deprecated'")
        typed = self._type(keys.get("type"), name.location, what)
        if typed is not None:
            yield FieldSyntax(
                name=name.text,
                location=name.location,
                type=typed[0],
                type_location=typed[1],
                one_of=one_of,
                number=number,
                default=default if isinstance(default, Scalar) else None,
                doc=doc,
                deprecated=deprecated,
            )

    def _type(self, node: Node | None, place: Location, what: str) -> tuple[TypeSyntax, Location] | None:
        """Return a type and where its text starts."""
        if not isinstance(node, Scalar) or node.empty:
            self._problems.add(
                node.location if node else place, Code.MISSING_KEY, f"{what} must have a type, such as 'string'"
            )
            return None
        start = _text_start(node)
        try:
            return parse_type(node.text), start
        except TypeSyntaxError as error:
            self._problems.add(start.shifted(error.offset), Code.TYPE_SYNTAX, str(error))
            return None


def _is_one_of(node: Node) -> bool:
    return isinstance(node, Mapping) and "one_of" in node.entries


def _text_start(node: Scalar) -> Location:
    """Return where a scalar's text starts, behind a quote if there is one."""
    return node.location if node.plain else node.location.shifted(1)
