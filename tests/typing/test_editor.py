"""What an editor shows of generated code: documentation, definitions and completions, asked of a language server."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from tests.typing.checkers import ROOT
from tests.typing.language_server import LanguageServer, language_server

USES = Path(__file__).parent / "editor/uses.py"
SECONDS = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A place in uses.py, what an editor tells of it, and where its name is defined.

    Attributes:
        text: A piece of the file, with `|` for the pointer.
        told: What the documentation ends with.
        module: The end of the path of the module with the definition.
        line: How the line of the definition starts.
    """

    text: str
    told: str
    module: str
    line: str


PLACES = {
    "a record": Place(
        "settings = Fit|Config(", "    tags: Free notes that the learner may log.", "types.py", "class FitConfig("
    ),
    "its field, given": Place("FitConfig(epo|chs=3", "Passes over the local data.", "types.py", "epochs: int"),
    "its field, read": Place("config.batch|_size", "Samples in one step of SGD.", "types.py", "batch_size: int = 32"),
    "a field of a result": Place("result.wei|ghts", "The trained weights.", "types.py", "weights: _rpc.Tensors"),
    "a method": Place("learner.f|it(", "    NotReady: The learner has no data yet.", "learner.py", "async def fit("),
    "its parameter": Place("con|fig=settings", "config: How to train.", "learner.py", "async def fit("),
    "a method of many": Place(
        "learners.eval|uate(", "    NotReady: The learner has no data yet.", "learner.py", "def evaluate("
    ),
    "a method that waits": Place(
        "learner.eval|uate(weights={}", "    NotReady: The learner has no data yet.", "blocking.py", "def evaluate("
    ),
    "its stream": Place("learners.wat|ch(", "    every: Seconds between two reports.", "blocking.py", "def watch("),
    "a proxy": Place(
        "learner: Learn|erProxy,", "Holds private data and trains on it.", "learner.py", "class LearnerProxy("
    ),
    "an enum's value": Place(
        "Kind.KIND|_GAUGE", "A value that goes up and down, such as a loss.", "types.py", "KIND_GAUGE = 1"
    ),
    "an error": Place(
        "raise Not|Ready(",
        "    retry_after: Seconds after which another try makes sense.",
        "types.py",
        "class NotReady(",
    ),
    "its field, raised": Place(
        "retry|_after=3.0", "Seconds after which another try makes sense.", "types.py", "def __init__("
    ),
    "its field, caught": Place(
        "error.retry|_after", "Seconds after which another try makes sense.", "types.py", "retry_after: float"
    ),
    "a handler's method": Place(
        "async def f|it(", "    NotReady: The learner has no data yet.", "uses.py", "async def fit("
    ),
}
COMPLETIONS = {
    "learner.|fit(": {"describe", "evaluate", "fit", "watch", "with_options"},
    "FitConfig(|epochs=3": {"batch_size=", "seed=", "tags="},
    "Kind.|KIND_GAUGE": {"KIND_GAUGE", "KIND_COUNTER"},
}


@pytest.fixture(name="uses")
def _uses(tmp_path: Path) -> Path:
    """A copy of uses.py in a project of its own."""
    settings = {"extraPaths": [str(ROOT / "runtime"), str(ROOT / "generated")], "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    return Path(shutil.copy(USES, tmp_path))


async def test_editor(uses: Path) -> None:
    async with asyncio.timeout(SECONDS), language_server(uses.parent) as server:
        await server.open(uses)
        assert {name: await _seen(server, uses, place) for name, place in PLACES.items()} == PLACES
        for text, names in COMPLETIONS.items():
            assert names <= await server.completions(uses, *_position(uses, text))


async def _seen(server: LanguageServer, path: Path, place: Place) -> Place:
    """Return what the server tells of a place, cut to what is wanted if it has it."""
    position = _position(path, place.text)
    told = await server.hover(path, *position)
    ((target, number),) = await server.definitions(path, *position)
    module, line = str(target), target.read_text(encoding="utf-8").splitlines()[number].strip()
    return Place(
        place.text,
        place.told if told.endswith(place.told) else told,
        place.module if module.endswith(f"/{place.module}") else module,
        place.line if line.startswith(place.line) else line,
    )


def _position(path: Path, piece: str) -> tuple[int, int]:
    """Return the line and column, from 0, of the `|` in a piece of a file."""
    before, _, after = piece.partition("|")
    text = path.read_text(encoding="utf-8")
    assert text.count(before + after) == 1, piece
    ahead = text[: text.index(before + after) + len(before)]
    return ahead.count("\n"), len(ahead) - (ahead.rfind("\n") + 1)
