"""`python -m tests.golden.regenerate`: make what the generator does now what the golden tests and pages expect."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.golden.cases import CASES, run
from tests.golden.pages import PAGES, fill
from tests.golden.reference_pages import rewrite


def main() -> None:
    """Rewrite the expectations of every case, and what the pages of diagnostics show."""
    for case in CASES:
        outcome = run(case)
        shutil.rmtree(case / "expected", ignore_errors=True)
        (case / "stderr").unlink(missing_ok=True)
        if outcome.stderr:
            (case / "stderr").write_text(outcome.stderr, encoding="utf-8")
        for path, text in outcome.texts.items():
            target = case / "expected" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
    for page in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            fill(page, Path(folder))
    rewrite()


if __name__ == "__main__":
    main()
