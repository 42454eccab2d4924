"""What is wrong with a configuration, by the path of the key that it is wrong at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from oiafed_rpc.errors import ConfigError

Path: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists, from the top."""


def path_text(path: Path) -> str:
    """A path as people write it: `transport.interceptors[0].type`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def problem_text(path: Path, problem: str) -> str:
    """A problem with the path in front of it; what is wrong at the top needs none."""
    return f"{path_text(path)}: {problem}" if path else problem


class InvalidError(ConfigError):
    """A value, or values within it, are not what they must be.

    Attributes:
        problems: Path below the value → what is wrong there and what to do about it.
    """

    def __init__(self, problems: Mapping[Path, str] | str) -> None:
        self.problems: dict[Path, str] = {(): problems} if isinstance(problems, str) else dict(problems)
        super().__init__("\n".join(problem_text(path, problem) for path, problem in self.problems.items()))

    def under(self, step: str | int) -> dict[Path, str]:
        """The problems as seen from one level higher."""
        return {(step, *path): problem for path, problem in self.problems.items()}
