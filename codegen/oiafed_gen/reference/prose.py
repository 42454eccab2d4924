"""Documentation texts as HTML: paragraphs, lists, blocks of code and `code`. All else is shown as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from markupsafe import Markup, escape

_FENCE = re.compile(r"\s*```")
_BULLET = re.compile(r"\s*[-*]\s+(?=\S)")
_NUMBER = re.compile(r"\s*\d{1,3}[.)]\s+(?=\S)")
_SPAN = re.compile(r"`([^`\n]+)`|(https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)])")
_SENTENCE = re.compile(r"(?<=[.!?])\s")
_LISTS = {_BULLET: Markup("<ul>{}</ul>"), _NUMBER: Markup("<ol>{}</ol>")}

Resolve = Callable[[str], str]
"""Returns the address of what a name in code stands for, or ""."""


def _nowhere(_: str) -> str:
    return ""


def prose(text: str, resolve: Resolve = _nowhere) -> Markup:
    """Return a documentation text as blocks of HTML.

    Args:
        text: Plain text. Empty lines part paragraphs; lines with `-`, `*` or `1.` are items of a list; three backticks
            fence code, and one on each side mark it within a line. Addresses of the web become links.
        resolve: Gives code that names something a link to it.
    """
    return Markup("\n").join(_blocks(text.split("\n"), resolve))


def inline(text: str, resolve: Resolve = _nowhere) -> Markup:
    """Return a text as HTML that can stand within a line."""
    parts: list[str] = []
    start = 0
    for match in _SPAN.finditer(text):
        parts += [escape(text[start : match.start()]), _span(match, resolve)]
        start = match.end()
    return Markup("").join([*parts, escape(text[start:])])


def summary(text: str, resolve: Resolve = _nowhere) -> Markup:
    """Return the first sentence of a text as HTML that can stand within a line."""
    return inline(first_sentence(text), resolve)


def first_sentence(text: str) -> str:
    """Return the first sentence of a text as one line."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return _SENTENCE.split(paragraph, maxsplit=1)[0]


def link(text: str, address: str) -> Markup:
    """Return a link, or the text alone where there is no address."""
    return Markup('<a href="{}">{}</a>').format(address, text) if address else escape(text)


def code(text: str, address: str = "") -> Markup:
    """Return a text in the type of code, as a link where there is an address."""
    marked = Markup("<code>{}</code>").format(text)
    return Markup('<a href="{}">{}</a>').format(address, marked) if address else marked


def _span(match: re.Match[str], resolve: Resolve) -> Markup:
    if match[1] is not None:
        return code(match[1], resolve(match[1]))
    return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(match[2])


def _blocks(lines: list[str], resolve: Resolve) -> Iterator[Markup]:
    while lines:
        if not lines[0].strip():
            lines = lines[1:]
            continue
        taken, block = _block(lines, resolve)
        lines = lines[taken:]
        yield block


def _block(lines: list[str], resolve: Resolve) -> tuple[int, Markup]:
    """Return how many lines the first block has, and the block."""
    if _FENCE.match(lines[0]):
        return _fenced(lines)
    for item, tag in _LISTS.items():
        if item.match(lines[0]):
            taken = _extent(lines, lambda line: False)
            return taken, _list(tag, item, lines[:taken], resolve)
    taken = _extent(lines, lambda line: any(pattern.match(line) for pattern in (_FENCE, _BULLET, _NUMBER)))
    return taken, Markup("<p>{}</p>").format(inline("\n".join(line.strip() for line in lines[:taken]), resolve))


def _extent(lines: list[str], ends: Callable[[str], bool]) -> int:
    """Return how many lines there are before an empty one, or one behind the first that `ends` the block."""
    numbered = enumerate(lines)
    return next((n for n, line in numbered if not line.strip() or (n and ends(line))), len(lines))


def _fenced(lines: list[str]) -> tuple[int, Markup]:
    end = next((n for n, line in enumerate(lines) if n and _FENCE.match(line)), len(lines))
    # Line breaks as references, since templates tidy empty lines away.
    body = escape("\n".join(lines[1:end])).replace("\n", Markup("&#10;"))
    return end + 1, Markup('<pre tabindex="0"><code>{}</code></pre>').format(body)


def _list(tag: Markup, item: re.Pattern[str], lines: list[str], resolve: Resolve) -> Markup:
    """Return a list; a line that starts no item goes on with the one before."""
    items: list[str] = []
    for line in lines:
        mark = item.match(line)
        if mark:
            items.append(line[mark.end() :])
        else:
            items[-1] += f"\n{line.strip()}"
    listed = Markup("").join(Markup("<li>{}</li>").format(inline(text, resolve)) for text in items)
    return tag.format(listed)
