"""`${VAR}` and `${VAR:-default}` in the strings of a configuration. The only place that reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import cast

from typing_extensions import override

from oiafed_rpc.config.problems import InvalidError, Path

REFERENCE = r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}"
"""A reference to a variable."""

_REFERENCE = re.compile(
    rf"""
    \$(?P<escaped>\$\{{)                     # $${{ is a literal ${{
    | {REFERENCE}
    | (?P<malformed>\$\{{ [^}}]* \}}? )
    """,
    re.VERBOSE,
)


class Filled(str):
    """A string with values from the environment in it. It may be a secret: its repr and `shown` keep it back.

    Attributes:
        shown: The references that it was made from, such as `${AUTH_TOKEN}`: what may be told of it.
    """

    shown: str

    def __new__(cls, text: str, shown: str = "${...}") -> Filled:
        """`text`, to be told of as `shown`."""
        filled = super().__new__(cls, text)
        filled.shown = shown
        return filled

    @override
    def __repr__(self) -> str:
        return repr(self.shown)


def fill(value: object, environ: Mapping[str, str] | None = None) -> tuple[object, dict[Path, str]]:
    """Fill the references in every string of `value`, at any depth; mappings' keys stay as they are.

    Args:
        value: What was read.
        environ: The variables; by default those of the process.

    Returns:
        The filled value, and path → problem for each string that could not be filled, which is left as it was.
    """
    environ = os.environ if environ is None else environ
    if isinstance(value, str):
        try:
            return _fill_text(value, environ), {}
        except InvalidError as error:
            return value, error.problems
    if isinstance(value, Mapping):
        return _fill_items(dict(cast("Mapping[object, object]", value)), environ)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        filled, problems = _fill_items(dict(enumerate(cast("Sequence[object]", value))), environ)
        return list(filled.values()), problems
    return value, {}


def _fill_items(
    items: Mapping[object, object], environ: Mapping[str, str]
) -> tuple[dict[object, object], dict[Path, str]]:
    filled: dict[object, object] = {}
    problems: dict[Path, str] = {}
    for key, item in items.items():
        filled[key], inner = fill(item, environ)
        step = key if isinstance(key, int) else str(key)
        problems |= InvalidError(inner).under(step)
    return filled, problems


def _fill_text(text: str, environ: Mapping[str, str]) -> str:
    """Raises: InvalidError, naming every variable that is missing."""
    references = list(_REFERENCE.finditer(text))
    malformed = [match["malformed"] for match in references if match["malformed"]]
    if malformed:
        raise InvalidError(f"{malformed[0]!r} is no reference: write ${{NAME}} or ${{NAME:-default}}, $${{ for a ${{")
    names = list(dict.fromkeys(match["name"] for match in references if match["name"]))
    missing = [match["name"] for match in references if _replacement(match, environ) is None]
    if missing:
        raise InvalidError(f"{_not_set(missing)}: set it, or give a default as ${{{missing[0]}:-default}}")
    filled = _REFERENCE.sub(lambda match: _replacement(match, environ) or "", text)
    return Filled(filled, " and ".join(f"${{{name}}}" for name in names)) if names else filled


def _replacement(match: re.Match[str], environ: Mapping[str, str]) -> str | None:
    """What stands in a reference's place; as in a shell, the default also stands for an empty variable."""
    if match["escaped"]:
        return "${"
    value = environ.get(match["name"])
    return value if match["default"] is None else value or match["default"]


def _not_set(names: list[str]) -> str:
    return " and ".join(f"the environment variable {name} is not set" for name in dict.fromkeys(names))
