"""The JSON Schema of schema files: it takes what the readers take, and knows the keys that they know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from oiafed_gen.cli.command import command
from oiafed_gen.diagnostics import Problems
from oiafed_gen.reading.yaml import keys
from oiafed_gen.reading.yaml.json_schema import schema_text
from oiafed_gen.reading.yaml.reader import read_yaml

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads(schema_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def _files() -> dict[str, str]:
    """Every schema file in YAML of the repository, those of the documentation among them."""
    folders = [ROOT / "schema", ROOT / "runtime/oiafed_rpc/testing", *(ROOT / "tests/golden").glob("*/schema")]
    found = {path.relative_to(ROOT).as_posix(): path for folder in folders for path in folder.rglob("*.y*ml")}
    texts = {name: path.read_bytes().decode(errors="replace") for name, path in sorted(found.items())}
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for number, text in enumerate(re.findall(r"```yaml\n(package:.*?)```", page.read_text(), re.DOTALL)):
            texts[f"{page.relative_to(ROOT)}:{number}"] = text
    return texts


def _read(text: str) -> bool:
    """Whether the reader has nothing to say of the file by itself."""
    problems = Problems()
    read_yaml("a.yaml", text, problems)
    return not problems


class _Loader(yaml.SafeLoader):
    """Reads files as editors see them: a key is its text, whatever that looks like."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def _load(text: str) -> Any:
    return yaml.load(text, _Loader)


FILES = _files()
RIGHT = [name for name, text in FILES.items() if _read(text)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert len(RIGHT) > 30


@pytest.mark.parametrize("name", RIGHT)
def test_it_takes_what_the_reader_takes(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(_load(FILES[name]))] == []


_HEAD = "package: a.v1\n"


@pytest.mark.parametrize(
    "text",
    [
        "types: {}",
        "package: 3 x",
        _HEAD + "tyeps: {}",
        _HEAD + "imports: other.yaml",
        _HEAD + "types: [A]",
        _HEAD + "types: {list: {}}",
        _HEAD + "types: {A: {feilds: {}}}",
        _HEAD + "types: {A: {fields: {a-b: int32}}}",
        _HEAD + "types: {A: {fields: {a: list<}}}",
        _HEAD + "types: {A: {fields: {a: 'map<double, string>'}}}",
        _HEAD + "types: {A: {fields: {a: {typ: int32}}}}",
        _HEAD + "types: {A: {fields: {a: {type: int32, id: 0}}}}",
        _HEAD + "types: {A: {fields: {a: {one_of: {b: {one_of: {c: int32}}}}}}}",
        _HEAD + "types: {A: {deprecated: 1}}",
        _HEAD + "enums: {E: {value: [A]}}",
        _HEAD + "enums: {E: {values: {A: one}}}",
        _HEAD + "enums: {E: {values: {A: {numbr: 1}}}}",
        _HEAD + "roles: {r: {methods: {m: {timeout: 0}}}}",
        _HEAD + "roles: {r: {methods: {m: {timeout: soon}}}}",
        _HEAD + "roles: {r: {methods: {m: {callers: trainer}}}}",
        _HEAD + "roles: {r: {methods: {m: {params: {a: {one_of: {b: int32}}}}}}}",
        _HEAD + "roles: {r: {methods: {m: {return: A}}}}",
    ],
)
def test_it_sees_what_the_reader_sees(text: str) -> None:
    assert not _read(text)
    assert list(VALIDATOR.iter_errors(_load(text)))


@pytest.mark.parametrize("known", [keys.FILE, keys.ROLE, keys.METHOD, keys.RECORD, keys.FIELD, keys.ENUM, keys.VALUE])
def test_every_key_is_explained(known: Any) -> None:
    assert all(key.doc.endswith(".") for key in known.values())


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(command, ["--json-schema"])
    assert (result.exit_code, result.stdout) == (0, schema_text())
