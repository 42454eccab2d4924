"""What a good reviewer would say of a schema that has no mistakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Diagnostic, Severity
from oiafed_gen.generate import Resolved
from oiafed_gen.lint.documentation import undocumented
from oiafed_gen.lint.enums import unprefixed, without_zero
from oiafed_gen.lint.finding import Finding
from oiafed_gen.lint.methods import read_like, without_timeout
from oiafed_gen.lint.naming import misnamed
from oiafed_gen.lint.packages import unversioned
from oiafed_gen.lint.usage import unused

__all__ = ["RULES", "lint"]

RULES: Mapping[Code, Callable[[Resolved], Iterator[Finding]]] = {
    Code.NAMING: misnamed,
    Code.ENUM_PREFIX: unprefixed,
    Code.ENUM_ZERO: without_zero,
    Code.MISSING_DOC: undocumented,
    Code.PACKAGE_VERSION: unversioned,
    Code.UNUSED_TYPE: unused,
    Code.TENSOR_TIMEOUT: without_timeout,
    Code.READ_NOT_IDEMPOTENT: read_like,
}
"""The rules of style by the codes that they report."""


def lint(resolved: Resolved, ignored: Collection[Code] = ()) -> tuple[Diagnostic, ...]:
    """Return what could be better in a schema, sorted by place, without the rules that are `ignored`."""
    return tuple(
        sorted(
            Diagnostic(location, code, message, Severity.WARNING)
            for code, rule in RULES.items()
            if code not in ignored
            for location, message in rule(resolved)
        )
    )
