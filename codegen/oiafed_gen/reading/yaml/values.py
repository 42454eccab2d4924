"""Reading single values of a YAML tree, each with its own complaint where it is not what it should be."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems, suggestion
from oiafed_gen.reading.files import LONGEST_PACKAGE, too_long
from oiafed_gen.reading.type_syntax import RESERVED
from oiafed_gen.reading.yaml.tree import Mapping, Node, Scalar, Sequence

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_TRUTH = {"true": True, "True": True, "false": False, "False": False}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)


class Values:
    """Reads values and reports those of the wrong kind; whatever is unusable reads as its neutral value."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def wrong(self, location: Location, code: Code, message: str) -> None:
        """Report a mistake."""
        self._problems.add(location, code, message)

    def mapping(self, node: Node | None, what: str) -> Mapping:
        """Return a mapping; an absent or empty one where there is none."""
        if isinstance(node, Mapping):
            return node
        if node is not None and not (isinstance(node, Scalar) and node.empty):
            self.wrong(
                node.location, Code.WRONG_VALUE, f"{what} must be a mapping of names to declarations, not {_kind(node)}"
            )
        return Mapping(node.location if node else Location(""))

    def keys(self, mapping: Mapping, allowed: Collection[str], what: str) -> dict[str, Node]:
        """Return the values by key, reporting keys that `what` does not have."""
        known = {key: value for key, (_, value) in mapping.entries.items() if key in allowed}
        for key, (scalar, _) in mapping.entries.items():
            if key not in allowed:
                hint = suggestion(key, allowed) or f"; it has {', '.join(allowed)}"
                self.wrong(scalar.location, Code.UNKNOWN_KEY, f"{what} has no key '{key}'{hint}")
        return known

    def items(self, node: Node | None, what: str) -> tuple[Scalar, ...]:
        """Return the texts of a list of names."""
        if node is None or (isinstance(node, Scalar) and node.empty):
            return ()
        if not isinstance(node, Sequence):
            self.wrong(node.location, Code.WRONG_VALUE, f"{what} must be a list, not {_kind(node)}")
            return ()
        for item in node.items:
            if not isinstance(item, Scalar) or item.empty:
                self.wrong(item.location, Code.WRONG_VALUE, f"each of {what} must be a name, not {_kind(item)}")
        return tuple(item for item in node.items if isinstance(item, Scalar) and not item.empty)

    def text(self, node: Node | None, what: str) -> str:
        """Return a text; "" where there is none."""
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self.wrong(node.location, Code.WRONG_VALUE, f"{what} must be text, not {_kind(node)}")
            return ""
        return "" if node.empty else node.text.strip()

    def truth(self, node: Node | None, what: str) -> bool:
        """Return a truth value; False where there is none."""
        if node is None:
            return False
        if not isinstance(node, Scalar) or not node.plain or node.text not in _TRUTH:
            self.wrong(node.location, Code.WRONG_VALUE, f"{what} must be true or false, not {_kind(node)}")
            return False
        return _TRUTH[node.text]

    def seconds(self, node: Node | None, what: str) -> float | None:
        """Return a positive, finite number."""
        if node is None:
            return None
        number = number_of(node.text) if isinstance(node, Scalar) and node.plain else None
        if number is None or not 0 < number < math.inf:
            self.wrong(
                node.location, Code.WRONG_VALUE, f"{what} must be a positive number of seconds, not {_kind(node)}"
            )
            return None
        return number

    def integer(self, node: Node | None, what: str) -> int | None:
        """Return an integer."""
        if node is None:
            return None
        if isinstance(node, Scalar) and node.plain and _INTEGER.fullmatch(node.text) and len(node.text) <= 20:
            return int(node.text)
        self.wrong(node.location, Code.WRONG_VALUE, f"{what} must be an integer, not {_kind(node)}")
        return None

    def named(self, mapping: Mapping, what: str) -> Iterator[tuple[Scalar, Node]]:
        """Yield the entries whose key can be the name of a `what`."""
        for key, value in mapping.entries.values():
            if self.identifier(key, what):
                yield key, value

    def named_types(self, mapping: Mapping, what: str) -> Iterator[tuple[Scalar, Node]]:
        """Yield the entries whose key can be the name of a type."""
        for key, value in self.named(mapping, what):
            if key.text in RESERVED:
                self.wrong(
                    key.location,
                    Code.RESERVED_WORD,
                    f"'{key.text}' is a word of the schema language and cannot name {what}",
                )
            else:
                yield key, value

    def identifier(self, name: Scalar, what: str) -> bool:
        """Whether the text can be the name of a `what`; reports where it cannot."""
        if _IDENTIFIER.fullmatch(name.text):
            return True
        self.wrong(
            name.location, Code.BAD_NAME, f"'{name.text}' cannot be the name of {what}; use letters, digits and '_'"
        )
        return False

    def dotted(self, node: Node | None, what: str) -> str:
        """Return a dotted name; "" where there is none."""
        text = self.text(node, what)
        if node is not None and text and not _PACKAGE.fullmatch(text):
            self.wrong(
                node.location, Code.BAD_NAME, f"{what} must be a dotted name such as 'federation.v1', not '{text}'"
            )
            return ""
        if node is not None and len(text) > LONGEST_PACKAGE:
            self.wrong(node.location, Code.BAD_NAME, too_long(what, text))
            return ""
        return text


def number_of(text: str) -> float | None:
    """Return the number that `text` spells, if it spells one."""
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _kind(node: Node) -> str:
    """Return what was found, for a message."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.empty:
        return "nothing"
    return f"'{node.text}'" if len(node.text) <= 40 else f"'{node.text[:37]}...'"
