"""`python -m tests.golden.regenerate`: make what the generator does now what the golden tests expect."""

from __future__ import annotations

import shutil

from tests.golden.cases import CASES, run


def main() -> None:
    """Rewrite the expectations of every case."""
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


if __name__ == "__main__":
    main()
