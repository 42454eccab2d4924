"""The JSON Schema of a configuration's file: in step with the rules, and of one mind with them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from oiafed_rpc.config import NodeConfig, place, rules
from oiafed_rpc.config.__main__ import SHIPPED, main
from oiafed_rpc.config.address import address
from oiafed_rpc.config.problems import InvalidError, path_text
from oiafed_rpc.config.rule import Rule
from oiafed_rpc.config.schema import schema_text
from oiafed_rpc.errors import ConfigError

from tests.unit.configurations import FULL, MISTAKES, VALID, with_node

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(SHIPPED.read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def documented() -> list[Any]:
    """Every configuration that users are shown, but for the one that is wrong to show it."""
    pages = "".join((ROOT / page).read_text() for page in ("README.md", "docs/configuration.md"))
    right = re.sub(r"<!-- file: wrong.*?```\n", "", pages, flags=re.DOTALL)
    blocks = re.findall(r"```yaml\n(.*?)```", right, re.DOTALL)
    files = [path.read_text() for path in (ROOT / "examples").rglob("configs/**/*.yaml")]
    found = [yaml.safe_load(text) for text in [*blocks, *files, FULL]]
    return [each for each in found if "node" in each]


def test_it_is_up_to_date() -> None:
    assert schema_text() == SHIPPED.read_text(encoding="utf-8"), "run `python -m oiafed_rpc.config`"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described() -> None:
    def undescribed(schema: dict[str, Any], path: str) -> list[str]:
        found = [path] if not schema.get("description") else []
        return found + [
            each for key, inner in schema.get("properties", {}).items() for each in undescribed(inner, f"{path}.{key}")
        ]

    assert undescribed({**SCHEMA, "description": "all of it"}, "") == []


@pytest.mark.parametrize("config", VALID)
def test_it_accepts_what_is_right(config: dict[str, object]) -> None:
    VALIDATOR.validate(config)


def test_it_accepts_what_users_are_shown() -> None:
    shown = documented()
    assert len(shown) > 10
    for config in shown:
        VALIDATOR.validate(config)


@pytest.mark.parametrize("keys", [keys for keys, _ in MISTAKES])
def test_it_refuses_what_is_wrong_at_the_same_place(keys: dict[str, object]) -> None:
    config = with_node(**keys)
    with pytest.raises(ConfigError) as refusal:
        NodeConfig.load(config)
    path, _, problem = str(refusal.value).partition(": ")
    places = {path}
    if "unknown key" in problem or "is missing" in problem:  # which JSON Schema tells of the mapping around it
        places.add(path.rpartition(".")[0])
    error = best_match(VALIDATOR.iter_errors(config))
    assert error is not None
    assert path_text(tuple(error.absolute_path)) in places


CHARACTERS = st.sampled_from("ab1.:@/[]-_ %é\n*$") | st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, max_size=20)


@pytest.mark.parametrize("rule", [rules.name, rules.pattern, rules.size, rules.choice("a"), place.host, address])
@given(text=TEXTS | TEXTS.map("unix:/{}".format) | st.tuples(TEXTS, TEXTS).map("{0[0]}@{0[1]}:1".format))
def test_it_refuses_nothing_that_is_accepted(rule: Rule[object], text: str) -> None:
    try:
        rule(text)
    except InvalidError:
        return
    Draft202012Validator({**rule.schema, "$defs": SCHEMA["$defs"]}).validate(text)


def test_the_command_writes_prints_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "node.schema.json"
    assert main([str(path), "--check"]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main([str(path)]) == 0
    assert main([str(path), "--check"]) == 0
    assert main(["-"]) == 0
    assert capsys.readouterr().out == path.read_text()
    path.write_text("{}")
    assert main([str(path), "--check"]) == 1
    assert f"{path}: is out of date: write it with" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err
