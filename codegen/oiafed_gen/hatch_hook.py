"""A build hook for hatch: what is generated need not be committed, since every build makes it anew.

[build-system]
requires = ["hatchling", "oiafed-rpc[gen]"]
build-backend = "hatchling.build"

[tool.hatch.build.hooks.oiafed]
schema = "schema"
output = "src"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from oiafed_gen.diagnostics import Problems, SchemaError, suggestion
from oiafed_gen.generate import generate
from oiafed_gen.output.folder import OutputError, update
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import as_text
from oiafed_gen.sources import SchemaFile, lines_of, read_schema
from oiafed_gen.tools import ToolError

_DEFAULTS = {"schema": "schema", "output": "generated"}
_HATCHS = {"dependencies", "require-runtime-dependencies", "require-runtime-features", "enable-by-default"}


class OiafedBuildHook(BuildHookInterface[BuilderConfig]):
    """Generates before a build, and adds what it generates to the build, ignored by git or not."""

    PLUGIN_NAME = "oiafed"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate; mistakes in the schema end the build."""
        settings = {**_DEFAULTS, **self._settings()}
        files: tuple[SchemaFile, ...] = ()
        try:
            problems = Problems()
            files = read_schema(Path(self.root, settings["schema"]), problems)
            texts = generate(files, provided_files(), problems)
            update(Path(self.root, settings["output"]), texts)
        except SchemaError as error:
            self.app.abort(as_text(error.diagnostics, settings["schema"], lines_of(files)))
        except (OutputError, ToolError, OSError) as error:
            self.app.abort(f"oiafed-gen: {error}")
        else:
            build_data["artifacts"].extend(f"/{Path(settings['output'], name).as_posix()}" for name in texts)

    def _settings(self) -> dict[str, str]:
        found = {key: value for key, value in self.config.items() if key not in _HATCHS}
        for key, value in found.items():
            if key not in _DEFAULTS:
                hint = suggestion(key, _DEFAULTS) or f"; it has {', '.join(_DEFAULTS)}"
                self.app.abort(f"tool.hatch.build.hooks.oiafed has no key '{key}'{hint}")
            if not isinstance(value, str):
                self.app.abort(f"tool.hatch.build.hooks.oiafed: '{key}' must be the path of a folder")
        return found


@hookimpl
def hatch_register_build_hook() -> type[OiafedBuildHook]:
    """Make the hook known to hatch."""
    return OiafedBuildHook
