"""Docstrings: from the schema's documentation to Python string literals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oiafed_gen.diagnostics import printable
from oiafed_gen.model import File

_DEPRECATED = "Deprecated: this may go away."


def docstring(
    doc: str,
    entries: Iterable[tuple[str, str]] = (),
    *,
    title: str = "",
    section: str = "Attributes",
    raised: Iterable[tuple[str, str]] = (),
    deprecated: bool = False,
) -> str:
    """Return a docstring with its quotes; "" where there is nothing to say.

    Args:
        doc: The text.
        entries: Names with their own texts, listed in a section; those without text are left out.
        title: What stands above entries where there is no text: what starts a docstring would lose its indentation.
        section: The heading of the entries.
        raised: Names of errors with their own texts, listed in a section of their own.
        deprecated: Whether to say that the documented thing is deprecated.
    """
    parts = [part for part in (doc, _DEPRECATED if deprecated else "") if part]
    errors = ((name, text or "The schema declares it.") for name, text in raised)
    for heading, named in ((section, entries), ("Raises", errors)):
        listed = [line for name, text in named if text for line in _entry(name, text)]
        if listed:
            parts = [*(parts or [title]), "\n".join((f"{heading}:", *listed))]
    return _quote("\n\n".join(parts)) if parts else ""


def documented(statement: str, text: str) -> str:
    """Return a statement of a class body with its docstring below it, which editors show wherever its name is used.

    The class's own docstring has the text as well: `help()` and tools that run the code see no other.
    """
    return f"{statement}\n{_quote(text)}\n" if text else statement


def note(doc: str, deprecated: bool) -> str:
    """Return the text of one attribute."""
    return " ".join(part for part in (doc, "Deprecated." if deprecated else "") if part)


def joined(files: Sequence[File]) -> str:
    """Return several files' documentation as one text."""
    docs = (note(file.doc, file.deprecated) for file in files)
    return "\n\n".join(dict.fromkeys(doc for doc in docs if doc))


def _entry(name: str, text: str) -> list[str]:
    first, *rest = text.split("\n")
    return [f"    {name}: {first}", *(f"        {line}" if line else "" for line in rest)]


def _quote(text: str) -> str:
    """Return a literal of triple quotes whose value is `text`."""
    escaped = text.replace("\\", "\\\\").replace("\t", " ").replace('"""', '\\"\\"\\"')
    escaped = "\n".join(map(printable, escaped.split("\n")))
    if escaped.endswith('"') and not escaped.endswith('\\"'):
        escaped = escaped[:-1] + '\\"'
    end = "\n" if "\n" in escaped else ""
    return f'"""{escaped}{end}"""'
