"""What users meet first says what it is for."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.generate import Resolved
from oiafed_gen.lint.finding import Finding
from oiafed_gen.model import File, walk_enums, walk_methods
from oiafed_gen.python.table import walk_python


def undocumented(resolved: Resolved) -> Iterator[Finding]:
    """Yield roles, methods, types, errors and enums without documentation.

    A message that does nothing but carry what one method takes or gives is documented by the method.
    """
    for file in resolved.schema.files:
        how = "write `doc:`" if file.is_yaml else "write a comment above it"
        for role in file.roles:
            if not role.doc:
                yield Finding(role.location, f"the role '{role.name}' says nothing of what it does; {how}")
            for method in role.methods:
                if not method.doc:
                    yield Finding(method.location, f"the method '{method.name}' says nothing of what it does; {how}")
        carriers = _carriers(file)
        for message in walk_python(file):
            if not message.doc and message.full_name not in carriers:
                kind = "error" if message.is_error else "type"
                yield Finding(message.location, f"the {kind} '{message.name}' says nothing of what it is; {how}")
        for enum in walk_enums(file):
            if not enum.doc:
                yield Finding(enum.location, f"the enum '{enum.name}' says nothing of what it is; {how}")


def _carriers(file: File) -> set[str]:
    taken = {name for method in walk_methods(file) for name in (method.request, method.response)}
    return {name for name in taken if name.endswith(("Request", "Response"))}
