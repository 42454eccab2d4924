"""Running the templates. They lay out; everything is decided before they run."""

from __future__ import annotations

from functools import cache

import jinja2


def render(template: str, view: object) -> str:
    """Return what the template `template` makes of `view`, with single empty lines and one newline at the end."""
    return _squeeze(_environment().get_template(template).render(view=view))


def _squeeze(text: str) -> str:
    """Return text with no more than one empty line in a row and none at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).rstrip("\n") + "\n"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("oiafed_gen"),
        autoescape=jinja2.select_autoescape(("html.j2",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
