"""Reading pages as a browser's parser would, for what tests have to know of them."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

_VOID = {"meta", "link", "input", "wbr", "br"}


@dataclasses.dataclass
class Parsed:
    """What is in a page."""

    text: str = ""
    ids: list[str] = dataclasses.field(default_factory=list)
    links: list[str] = dataclasses.field(default_factory=list)
    resources: list[str] = dataclasses.field(default_factory=list)
    headings: list[int] = dataclasses.field(default_factory=list)
    tags: list[str] = dataclasses.field(default_factory=list)
    attributes: set[str] = dataclasses.field(default_factory=set)
    references: set[str] = dataclasses.field(default_factory=set)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Parsed()
        self.open: list[str] = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        page = self.page
        page.tags.append(tag)
        for name, value in attrs:
            page.attributes.add(name)
            match tag, name:
                case _, "id":
                    page.ids.append(value or "")
                case "a", "href":
                    page.links.append(value or "")
                case (("script" | "link"), ("src" | "href")):
                    page.resources.append(value or "")
                case _, ("for" | "aria-labelledby" | "aria-controls"):
                    page.references |= set((value or "").split())
                case _:
                    pass
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            page.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.page.text += data


def parse(html: str) -> Parsed:
    """Return what is in a page, whose elements must be properly nested."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser.page
