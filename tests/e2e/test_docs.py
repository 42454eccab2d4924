"""Every example of the documentation runs as it is written, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from oiafed_rpc.transport.memory import DEFAULT_NETWORK

from tests.e2e.pages import Block, blocks, run

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "README.md"
FIGURES = ROOT / "docs" / "benchmarks.md"  # what was measured: nothing to try
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {INDEX, FIGURES})]
LINKED = [
    *PAGES,
    FIGURES,
    *sorted((ROOT / "docs").rglob("README.md")),
    *sorted((ROOT / "docs" / "diagnostics").glob("[a-z]*.md")),
]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#([^)]*))?\)")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder from which modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(page: Path, folder: Path) -> None:
    assert any(block.runs for block in blocks(page)), "nothing on this page is tried"
    with asyncio.Runner() as runner:
        run(page, folder, runner)
        assert not asyncio.all_tasks(runner.get_loop()), "the examples leave tasks behind"
        assert not list(DEFAULT_NETWORK.peers), "the examples leave nodes running"
    gc.collect()  # what was never awaited or closed warns, and warnings are errors


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        path = page.parent / target
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(path), f"{page.name} links to {target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page() -> None:
    named = {target for target, _ in LINK.findall(INDEX.read_text())}
    assert {page.name for page in PAGES if page.parent == INDEX.parent} <= named


class TestTheRunner:
    """A page whose examples are wrong fails."""

    @pytest.fixture
    def page(self, folder: Path) -> Path:
        return folder / "page.md"

    @staticmethod
    def run(page: Path, text: str) -> None:
        page.write_text(text)
        with asyncio.Runner() as runner:
            run(page, page.parent, runner)

    def test_blocks_share_a_namespace_a_folder_and_an_event_loop(self, page: Path) -> None:
        self.run(
            page,
            "<!-- file: here/a.txt -->\n```text\nhello\n```\n"
            "```python\nimport asyncio\nawait asyncio.sleep(0)\nloop = asyncio.get_running_loop()\n```\n"
            "```python\nfrom pathlib import Path\nassert loop.is_running() is False\n"
            "assert Path('here/a.txt').read_text() == 'hello\\n'\n```\n"
            "<!-- not run -->\n```python\nassert False\n```\n```yaml\na: b\n```\n",
        )

    def test_an_error_is_told_at_its_line_of_the_page(self, page: Path) -> None:
        with pytest.raises(AssertionError) as caught:
            self.run(page, "# Title\n\n```python\nassert 1 == 1\nassert 1 == 2\n```\n")
        assert caught.traceback[-1].path == page
        assert caught.traceback[-1].lineno + 1 == 5

    def test_an_error_that_is_announced_must_come(self, page: Path) -> None:
        self.run(page, "<!-- raises: KeyError -->\n```python\n{}[1]\n```\n")
        for code in ("pass", "[][1]"):
            with pytest.raises(AssertionError, match="not KeyError"):
                self.run(page, f"<!-- raises: KeyError -->\n```python\n{code}\n```\n")

    def test_commands_must_give_the_output_below_them(self, page: Path) -> None:
        self.run(page, "<!-- run -->\n```console\n$ python -c 'print(1)'  # shown\n1\n$ python -c ''\n```\n")
        with pytest.raises(AssertionError):
            self.run(page, "<!-- run -->\n```console\n$ python -c 'print(1)'\n2\n```\n")
        with pytest.raises(AssertionError):
            self.run(page, "<!-- run -->\n```console\n$ python -c '1/0'\n```\n")

    def test_commands_that_fail_must_do_so_as_is_said(self, page: Path) -> None:
        command = "$ python -c 'import sys; sys.exit(\"no\")'"
        self.run(page, f"<!-- fails -->\n```console\n{command}\nno\n```\n")
        with pytest.raises(AssertionError):
            self.run(page, f"<!-- fails -->\n```console\n{command}\nyes\n```\n")
        with pytest.raises(AssertionError):
            self.run(page, "<!-- fails -->\n```console\n$ python -c ''\n```\n")

    def test_what_runs(self) -> None:
        def runs(language: str, mark: str = "") -> bool:
            return Block(Path(), 0, language, mark, "").runs

        assert all((runs("python"), runs("python", "raises: KeyError"), runs("console", "run")))
        assert not any((runs("python", "not run"), runs("python", "file: a.py"), runs("yaml"), runs("console")))
