"""Whatever stands in a YAML file, reading it gives diagnostics or a schema: never another exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oiafed_gen.checks import check
from oiafed_gen.diagnostics import Problems
from oiafed_gen.model import Mention
from oiafed_gen.provided import Provided
from oiafed_gen.python.packages import role_modules
from oiafed_gen.python.render import render_packages
from oiafed_gen.python.table import Table
from oiafed_gen.reading.imports import Importer, resolve_imports
from oiafed_gen.reading.proto.outline import read_outline
from oiafed_gen.reading.symbols import Scope
from oiafed_gen.reading.yaml.lowering import lower_file, proto_name_of, symbols_of
from oiafed_gen.reading.yaml.reader import read_yaml
from oiafed_gen.templating import Templates
from oiafed_gen.wire.lowered import lowered_proto

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = sorted((ROOT / "tests/golden").glob("*/schema/**/*.yaml"))
TEXTS = [path.read_text(encoding="utf-8", errors="replace") for path in (ROOT / "schema/federation.yaml", *GOLDEN)]
MARKS = ["list<", "map<int32,", "stream", "optional", "[", "]", "{", "}", ":", "- ", "\n", "&a", "*a", "!x"]
PIECES = sorted({*" ".join(TEXTS).split(), *MARKS})


def _understand(text: str) -> None:
    """Do all that is done with a YAML file, but for running protoc and ruff."""
    problems = Problems()
    syntax = read_yaml("a.yaml", text, problems)
    if syntax is None:
        assert problems
        return
    mentions = tuple(Mention(item.text, item.location) for item in syntax.imports)
    resolve_imports([Importer("a.yaml", proto_name_of(syntax), mentions, relative=True)], (), problems)
    file = lower_file(syntax, (), Scope(symbols_of(syntax)), {}, problems)
    check([file], problems)
    table = Table((file,), Provided({}), problems)
    modules = role_modules(table, problems)
    lowered_proto(file)
    if not problems:
        render_packages(table, modules, Templates())


@st.composite
def _edited(draw: st.DrawFn) -> str:
    """The reference federation or a golden schema with a few pieces of it cut out, doubled or put elsewhere."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 60)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.just(text[start:end] * 2), st.text(max_size=8)))
        text = text[:start] + piece + text[end:]
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_edited())
def test_edited_schemas(text: str) -> None:
    _understand(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
def test_shuffled_schemas(text: str) -> None:
    _understand(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    _understand(text)
    read_outline("a.proto", text)
