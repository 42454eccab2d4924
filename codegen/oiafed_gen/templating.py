"""Running the templates. They lay out; everything is decided before they run."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import jinja2
from jinja2 import nodes

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems, SchemaError, suggestion

TEMPLATE_VERSION = 1
"""Which blocks there are and what they are given; templates of other people say which version they are written for."""

OVERRIDABLE = ("blocking.py.j2", "macros.j2", "package.py.j2", "role.py.j2", "testing.py.j2", "types.py.j2")
"""The templates that others can take the place of."""

_PREFIX = "oiafed/"
_OWN = "<templates>/"
_VIEW = re.compile(r"'oiafed_gen\.(?:\w+\.)*(\w+) object'")
_STATEMENT = re.compile(r"\A\{#-?\s*oiafed-gen templates (\d+)\s*-?#\}")


class Templates:
    """The generator's templates, and those that take their place.

    Args:
        own: The texts of the latter by name. They can extend `oiafed/NAME`, which is the former.

    Raises:
        SchemaError: One of those is not a template of this version; locations are relative to their folder.
    """

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self._own = own or {}
        shipped = jinja2.PackageLoader("oiafed_gen")
        prefixed = jinja2.PrefixLoader({_PREFIX.rstrip("/"): shipped})
        self._environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([jinja2.FunctionLoader(self._load), prefixed, shipped]),
            autoescape=jinja2.select_autoescape(("html.j2",), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        problems = Problems()
        for name, text in self._own.items():
            self._check(name, text, problems)
        if problems:
            raise SchemaError(problems.sorted())

    def _load(self, name: str) -> tuple[str, str, None] | None:
        """Return a text with what tracebacks call it."""
        return (self._own[name], f"{_OWN}{name}", None) if name in self._own else None

    def render(self, name: str, view: object) -> str:
        """Return what a template makes of `view`, with single empty lines and one newline at the end.

        Raises:
            SchemaError: A template of other people fails; locations are relative to their folder.
        """
        try:
            return _squeeze(self._environment.get_template(name).render(view=view))
        except Exception as error:
            place = self._place(error)
            if place is None:
                raise
            problems = Problems()
            problems.add(place, Code.TEMPLATE, _told(error))
            raise SchemaError(problems.sorted()) from error

    def _place(self, error: Exception) -> Location | None:
        """Return where in other people's templates an error was raised, if it was; what is innermost is nearest."""
        frames = [(frame.filename, frame.lineno or 1) for frame in traceback.extract_tb(error.__traceback__)]
        found = [Location(file.removeprefix(_OWN), line) for file, line in frames if file.startswith(_OWN)]
        return found[-1] if found else None

    def _check(self, name: str, text: str, problems: Problems) -> None:
        stated = _STATEMENT.match(text)
        if name not in OVERRIDABLE and (hint := suggestion(name, OVERRIDABLE)):
            problems.add(Location(name), Code.TEMPLATE, f"there is no template '{name}' to take the place of{hint}")
        elif name in OVERRIDABLE and (stated is None or int(stated[1]) != TEMPLATE_VERSION):
            found = f"is written for version {stated[1]}" if stated else "does not say its version"
            wanted = f"{{# oiafed-gen templates {TEMPLATE_VERSION} #}}"
            message = f"this template {found}; if it is right for version {TEMPLATE_VERSION}, begin it with {wanted}"
            problems.add(Location(name), Code.TEMPLATE, message)
        try:
            tree = self._environment.parse(text, name)
        except jinja2.TemplateSyntaxError as error:
            problems.add(Location(name, error.lineno), Code.TEMPLATE, _told(error))
        else:
            self._check_blocks(name, tree, problems)

    def _check_blocks(self, name: str, tree: nodes.Template, problems: Problems) -> None:
        """Report blocks that the extended template does not have: nothing would ever come of them."""
        known = {block for parent in _extended(tree) for block in self._blocks_of(parent)}
        outer = [node for node in tree.body if isinstance(node, nodes.Block)]
        for block in outer if known else ():
            if block.name not in known:
                hint = suggestion(block.name, known) or f"; it has {', '.join(sorted(known))}"
                message = f"the template that this one extends has no block '{block.name}'{hint}"
                problems.add(Location(name, block.lineno), Code.TEMPLATE, message)

    def _blocks_of(self, name: str) -> Iterator[str]:
        if not name.startswith(_PREFIX):
            return
        try:
            loaded = self._environment.get_template(name)
        except jinja2.TemplateNotFound:
            return  # which is told when it runs
        yield from loaded.blocks


def read_templates(folder: Path) -> dict[str, str]:
    """Return the texts of the templates below a folder, by name; hidden ones are none.

    Raises:
        OSError: One cannot be read, or is no text.
    """
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*.j2"))}
    visible = {name: path for name, path in found.items() if not any(part.startswith(".") for part in name.parts)}
    return {name.as_posix(): path.read_text(encoding="utf-8", errors="replace") for name, path in visible.items()}


def render(template: str, view: object) -> str:
    """Return what the generator's own template `template` makes of `view`."""
    return _shipped().render(template, view)


@cache
def _shipped() -> Templates:
    return Templates()


def _extended(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all(nodes.Extends):
        if isinstance(node.template, nodes.Const):
            yield str(node.template.value)


def _told(error: Exception) -> str:
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template '{error.name}'"
    text = error.message if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"
    return " ".join(_VIEW.sub(r"a \1", str(text)).split())


def _squeeze(text: str) -> str:
    """Return text with no more than one empty line in a row and none at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip()
        if stripped or (lines and lines[-1]):
            lines.append(stripped)
    return "\n".join(lines).rstrip("\n") + "\n"
