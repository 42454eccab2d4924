"""`--templates`: other people's templates in the place of the generator's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jinja2
import pytest
from click.testing import CliRunner, Result
from oiafed_gen.cli.command import command
from oiafed_gen.diagnostics import SchemaError
from oiafed_gen.python import blocking_view, render, roles_view, scope, signatures, testing_view, types_view
from oiafed_gen.templating import OVERRIDABLE, TEMPLATE_VERSION, Templates

PAGE = (Path(__file__).parents[3] / "docs/templates.md").read_text()
MODULES = (blocking_view, render, roles_view, scope, signatures, testing_view, types_view)
VIEWS = [
    each
    for module in MODULES
    for each in vars(module).values()
    if dataclasses.is_dataclass(each) and each.__module__ == module.__name__ and not each.__name__.startswith("_")  # type: ignore[union-attr]
]
ENVIRONMENT = jinja2.Environment(loader=jinja2.PackageLoader("oiafed_gen"), trim_blocks=True)
HEAD = f"{{# oiafed-gen templates {TEMPLATE_VERSION} #}}\n"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_the_page_names_what_a_template_is_given(view: Any) -> None:
    unnamed = {field.name for field in dataclasses.fields(view) if f"`{field.name}`" not in PAGE}
    assert unnamed == set()


@pytest.mark.parametrize("name", OVERRIDABLE)
def test_the_page_names_every_block(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    assert all(f"`{block}`" in row for block in ENVIRONMENT.get_template(name).blocks)
    assert f"This page describes version {TEMPLATE_VERSION}." in PAGE


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (
            {"role.py.j2": HEAD + '{% extends "oiafed/rol.py.j2" %}'},
            "role.py.j2:2:1: error[template]: there is no template",
        ),
        ({"role.py.j2": HEAD + "\n{{ 1 // 0 }}"}, "role.py.j2:3:1: error[template]: ZeroDivisionError: "),
        ({"role.py.j2": HEAD + "{{ view.nam }}"}, "role.py.j2:2:1: error[template]: a RoleView has no attribute 'nam'"),
        (
            {"role.py.j2": HEAD + '{% include "x.j2" %}', "x.j2": "\n{{ nothing }}"},
            "x.j2:2:1: error[template]: 'nothing' is undefined",
        ),
        ({"role.py.j2": HEAD, "x.j2": "\n{% if %}"}, "x.j2:2:1: error[template]: Expected an expression"),
    ],
)
def test_mistakes_are_told_at_their_line(texts: dict[str, str], told: str) -> None:
    view = roles_view.RoleView(
        **{field.name: "" for field in dataclasses.fields(roles_view.RoleView)}  # type: ignore[arg-type]
    )
    with pytest.raises(SchemaError) as raised:
        Templates(texts).render("role.py.j2", view)
    assert str(raised.value).startswith(told)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("schema", "templates"):
        (tmp_path / name).mkdir()
    (tmp_path / "schema/a.yaml").write_text("package: a.v1\ntypes: {T: {fields: {a: int32}}}\n")
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["schema", "--templates", "templates", *arguments], catch_exceptions=False)


def test_the_command_uses_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIAFED_GEN_CACHE", str(folder / "cache"))
    template = folder / "templates/types.py.j2"
    for number in (1, 2):  # what is remembered is remembered with the templates
        template.write_text(
            HEAD + f'{{% extends "oiafed/types.py.j2" %}}{{% block foot %}}X = {number}{{% endblock %}}'
        )
        assert _run().exit_code == 0
        assert (folder / "generated/a/v1/types.py").read_text().endswith(f"\nX = {number}\n")
        assert _run("--check").output == ""


def test_a_mistake_leaves_the_output_as_it_was(folder: Path) -> None:
    assert _run().exit_code == 0
    before = (folder / "generated/a/v1/types.py").read_text()
    (folder / "templates/types.py.j2").write_text(HEAD + "{{ view.nam }}\n")
    result = _run()
    assert result.exit_code == 1
    assert result.stderr == (
        "templates/types.py.j2:2:1: error[template]: a TypesView has no attribute 'nam'\n 2 | {{ view.nam }}\n   | ^\n"
    )
    assert (folder / "generated/a/v1/types.py").read_text() == before
    assert '"code": "template"' in _run("--format", "json").stdout
    remedy = _run("--check", "-o", "elsewhere")
    assert remedy.exit_code == 1


def test_the_remedy_names_them(folder: Path) -> None:
    assert _run("--check").stderr.endswith("run: oiafed-gen schema -o generated --templates templates\n")


def test_no_such_folder(folder: Path) -> None:
    (folder / "templates").rmdir()
    assert _run().exit_code == 2
