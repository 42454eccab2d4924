"""The files of a new project: names in, texts by path out."""

from __future__ import annotations

import jinja2

from oiafed_gen.project.naming import distribution_of

_ENDING = ".j2"
_DOTTED = {"gitignore": ".gitignore"}  # under its own name it would hide templates from whoever packs them


def project_files(package: str) -> dict[str, str]:
    """Return the text of every file of a new project, by path.

    Args:
        package: The name of its Python package.
    """
    environment = jinja2.Environment(  # noqa: S701
        loader=jinja2.PackageLoader("oiafed_gen.project", "files"),
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    names = environment.list_templates(extensions=[_ENDING.removeprefix(".")])
    view = {"package": package, "name": distribution_of(package)}
    return {_path(name, package): environment.get_template(name).render(view) for name in names}


def _path(template: str, package: str) -> str:
    parts = template.removesuffix(_ENDING).split("/")
    return "/".join(_DOTTED.get(part, part.replace("package", package)) for part in parts)
