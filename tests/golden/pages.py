"""The pages of docs/diagnostics: each has a schema with its mistake, what is printed, and the schema mended.

Where several files are shown, those that are not mended again stay as they were; a file with another name replaces all
of the same folder. Pages of `--against` show the former files too, as those of a folder `old`; those of `--lint` are
told by their codes.
"""

from __future__ import annotations

import re
from pathlib import Path

from oiafed_gen.lint import RULES

from tests.e2e.pages import blocks
from tests.golden.cases import outcome

FOLDER = Path(__file__).parents[2] / "docs" / "diagnostics"
PAGES = sorted(FOLDER.glob("*.md"))
WITHOUT_EXAMPLE = ("no-schema", "unreadable-file")  # no page can show what is not there, or is no text

_OUTPUT = re.compile(r"(<!-- output -->\n```text\n)(.*?)(^```$)", re.DOTALL | re.MULTILINE)


def files(page: Path, mark: str) -> dict[str, str]:
    """The schema files that a page shows under a mark, by path."""
    found = (block for block in blocks(page) if block.mark.startswith(f"{mark}: "))
    return {block.mark.partition(": ")[2]: block.text for block in found}


def shown(page: Path) -> str:
    """What a page says is printed."""
    return next((block.text for block in blocks(page) if block.mark == "output"), "")


def printed(page: Path, schema: dict[str, str], folder: Path) -> str:
    """What is printed for a schema of a page that is put into a folder."""
    old = files(page, "old")
    for name, text in {**old, **schema}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return outcome(folder / "schema", folder / "old" if old else None, style=page.stem in RULES).stderr


def fill(page: Path, folder: Path) -> None:
    """Put what is printed now into a page."""
    text = page.read_text(encoding="utf-8")
    output = printed(page, files(page, "file"), folder) if files(page, "file") else ""
    page.write_text(_OUTPUT.sub(lambda match: match[1] + output + match[3], text), encoding="utf-8")
