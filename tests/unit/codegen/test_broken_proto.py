"""Whatever stands in a .proto file, generating from it gives diagnostics or a schema: never another exception."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oiafed_gen.diagnostics import SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.reading.proto.outline import read_outline
from oiafed_gen.sources import SchemaFile

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
TEXTS = sorted({path.read_text(encoding="utf-8") for path in GOLDEN.glob("*/schema/**/*.proto")})
WORDS = sorted({word for text in TEXTS for word in text.split()})
HOSTILE = ["{", "}", ";", '"', "/*", "//", "\\", "\0", "\ufeff", "\u2028", "oneof x {", "extend M {", "group G = 1 {"]
PROVIDED = provided_files()


@st.composite
def _edited(draw: st.DrawFn) -> str:
    """A golden .proto file with a few pieces of it cut out, doubled or put elsewhere."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        moved = st.just(text[start:end] * 2)
        piece = draw(st.one_of(st.sampled_from(WORDS), st.sampled_from(HOSTILE), moved, st.text(max_size=8)))
        text = text[:start] + piece + text[end:]
    return text


def _generate(text: str) -> None:
    with suppress(SchemaError):
        generate([SchemaFile("a.proto", text)], PROVIDED)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # each starts protoc
@given(_edited())
def test_edited_schemas(text: str) -> None:
    _generate(text)


@settings(max_examples=300, deadline=None)
@given(_edited())
def test_outlines(text: str) -> None:
    read_outline("a.proto", text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, *HOSTILE]), max_size=60).map(" ".join))
def test_outlines_of_shuffled_schemas(text: str) -> None:
    read_outline("a.proto", text)
