"""Every code of a diagnostic has a page that is true, and a golden."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from oiafed_gen.codes import Code

from tests.golden.cases import CASES, expected
from tests.golden.pages import FOLDER, PAGES, WITHOUT_EXAMPLE, files, printed, shown

CODE = re.compile(r": (?:error|warning)\[([\w-]+)\]: ")


def test_every_code_has_a_page() -> None:
    assert {page.stem for page in PAGES} - {"README"} == set(Code)


def test_the_index_has_every_page() -> None:
    listed = re.findall(r"\]\(([\w-]+)\.md\)", (FOLDER / "README.md").read_text())
    assert sorted(listed) == sorted(Code)


def test_every_code_has_a_golden() -> None:
    assert {code for case in CASES for code in CODE.findall(expected(case).stderr)} == set(Code)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "README"], ids=lambda page: page.stem)
class TestThePage:
    def test_shows_its_mistake(self, page: Path, tmp_path: Path) -> None:
        if page.stem in WITHOUT_EXAMPLE:
            return
        assert printed(page, files(page, "file"), tmp_path) == shown(page)
        assert set(CODE.findall(shown(page))) == {page.stem}

    def test_mends_it(self, page: Path, tmp_path: Path) -> None:
        schema, mended = files(page, "file"), files(page, "mended")
        if page.stem in WITHOUT_EXAMPLE:
            return
        assert mended
        if mended.keys() <= schema.keys():
            mended = schema | mended
        assert printed(page, mended, tmp_path) == ""
