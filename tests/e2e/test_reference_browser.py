"""The HTML reference in a real browser: on a phone, in light and dark, with its search, and without scripts."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, chromium
from tests.golden.reference_pages import CASE, make
from tests.unit.codegen.reference.test_contrast import schemes

_WIDE = """
[...document.querySelectorAll("main *")].filter((element) =>
  !element.closest(".scroll, pre, .unseen") && element.getBoundingClientRect().right > innerWidth + 0.5
).map((element) => element.outerHTML.slice(0, 120))
"""
_COLOUR = "getComputedStyle({}).{}"


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference with long names in it."""
    root = tmp_path_factory.mktemp("reference")
    (root / "schema").mkdir()
    for file in (CASE / "schema").iterdir():
        (root / "schema" / file.name).write_bytes(file.read_bytes())
    (root / "schema/long.yaml").write_text(_LONG)
    for path, text in make(root / "schema").items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


_NAME = "a_name_of_more_than_sixty_characters_that_no_phone_has_room_for_at_all"
_LONG = f"""
package: {_NAME}.v1
types:
  Type{_NAME}: {{doc: "{"Word" * 40}", fields: {{{_NAME}: {{type: "map<string, Type{_NAME}>", doc: Long.}}}}}}
roles:
  {_NAME}:
    methods:
      {_NAME}:
        doc: Takes `{_NAME}`.
        params: {{{_NAME}: "list<Type{_NAME}>", other_{_NAME}: int32}}
        returns: optional Type{_NAME}
        callers: [hub]
"""


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def _pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def test_a_phone_needs_no_scrolling_to_the_side(browser: Browser, folder: Path) -> None:
    browser.look(width=360, height=740)
    for page in _pages(folder):
        browser.open(page)
        assert browser.run("document.documentElement.scrollWidth") == 360, page.name
        assert browser.run(_WIDE) == [], page.name
        assert browser.run("document.querySelector('#page-contents').open") is False


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes(browser: Browser, folder: Path, scheme: str) -> None:
    browser.look(scheme=scheme)
    browser.open(folder / "roles/handbook.v1.Worker.html")
    colours = {name: _rgb(colour) for name, colour in schemes()[scheme].items()}
    for element, property_, name in (
        ("document.documentElement", "backgroundColor", "page"),
        ("document.querySelector('h1')", "color", "text"),
        ("document.querySelector('.signature')", "backgroundColor", "panel"),
        ("document.querySelector('.signature .type a')", "color", "type"),
        ("document.querySelector('.badge.kind')", "color", "kind"),
        ("document.querySelector('svg .role rect')", "fill", "page"),
        ("document.querySelector('svg .call .line')", "stroke", "arrow"),
    ):
        assert browser.run(_COLOUR.format(element, property_)) == colours[name], element


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[start : start + 2], 16)) for start in (1, 3, 5))})"


def test_labels_fit_their_boxes(browser: Browser, folder: Path) -> None:
    browser.look()
    browser.open(folder / "index.html")
    outside = """
    [...document.querySelectorAll("svg a")].filter((box) => {
      const frame = box.querySelector("rect").getBoundingClientRect();
      return [...box.querySelectorAll("text")].some((text) => text.getBoundingClientRect().right > frame.right - 2);
    }).map((box) => box.textContent)
    """
    assert browser.run(outside) == []


def test_search_finds_and_the_keyboard_goes_there(browser: Browser, folder: Path) -> None:
    browser.look()
    browser.open(folder / "packages/handbook.v1.html")
    browser.press("/")
    assert browser.run("document.activeElement.id") == "search-box"
    browser.write("upl")
    assert browser.run("document.getElementById('search-status').textContent") == "1 found"
    assert browser.run("document.querySelector('#search-results .name').textContent") == "upload"
    browser.press("ArrowDown")
    assert browser.run("document.activeElement.href").endswith("/roles/handbook.v1.Worker.html#upload")
    browser.press("ArrowUp")
    browser.press("Escape")
    assert browser.run("document.getElementById('search-results').hidden") is True
    browser.write("oadx")
    assert "Nothing" in browser.run("document.getElementById('search-results').textContent")
    assert browser.complaints() == []


def test_search_puts_names_before_texts(browser: Browser, folder: Path) -> None:
    browser.open(folder / "index.html")
    browser.run("document.getElementById('search-box').focus()")
    browser.write("work")
    found = browser.run("[...document.querySelectorAll('#search-results .name')].map((name) => name.textContent)")
    assert found[0] == "worker"
    assert "run" in found  # of worker


def test_anchors_lead_to_what_they_name_below_the_bar(browser: Browser, folder: Path) -> None:
    browser.look(height=300)
    browser.open(f"{(folder / 'roles/handbook.v1.Worker.html').as_uri()}#upload")
    top = browser.run("document.getElementById('upload').getBoundingClientRect().top")
    bar = browser.run("document.querySelector('.top').getBoundingClientRect().bottom")
    assert bar <= top < 300
    assert browser.run("document.querySelector(':target').id") == "upload"


def test_the_first_key_leads_past_the_navigation(browser: Browser, folder: Path) -> None:
    browser.look()
    browser.open(folder / "index.html")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Enter")
    assert browser.run("location.hash") == "#page-content"


def test_all_of_it_is_there_without_scripts(browser: Browser, folder: Path) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(folder / "index.html")
        assert browser.run("document.querySelector('.search').hidden") is True
        assert browser.run("document.querySelector('#page-contents').open") is True
        assert browser.run("document.querySelectorAll('main .cards a').length") > 10
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_paper_has_no_navigation(browser: Browser, folder: Path) -> None:
    browser.look(media="print")
    browser.open(folder / "index.html")
    for part in (".top", ".side"):
        assert browser.run(f"getComputedStyle(document.querySelector('{part}')).display") == "none"


class _Strict(http.server.SimpleHTTPRequestHandler):
    """Serves a folder with the strictest policy that admits files of its own."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_a_strict_policy_of_content_stops_nothing(browser: Browser, folder: Path) -> None:
    handler = functools.partial(_Strict, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            for page in _pages(folder):
                browser.open(f"http://127.0.0.1:{server.server_port}/{page.relative_to(folder).as_posix()}")
                assert [each for each in browser.complaints() if "favicon" not in each] == []
                assert browser.run("document.querySelector('.search').hidden") is False
        finally:
            server.shutdown()
            thread.join()
