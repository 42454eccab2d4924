"""Pages of documentation, read and run.

The blocks of a page run from top to bottom, in one namespace and one working folder. They check themselves: what a
value is, an `assert` says. A comment above a block tells what it is:

    <!-- file: NAME -->     written to that file, whatever its language, and not run
    <!-- run -->            commands, each with the output below it
    <!-- fails -->          commands that exit with 1, each with what it writes to stderr below it
    <!-- raises: ERROR -->  raises that error
    <!-- not run -->        only shown

Without one, a block of Python runs, and any other is only shown. `await` works as in a notebook.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_COMMAND = re.compile(r"^\$ (?P<command>.+)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """Code in a page.

    Attributes:
        page: Where it is.
        line: The line that its text begins at, from 0.
        language: As the page names it.
        mark: What the comment above says; empty where there is none.
        text: The code.
    """

    page: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def runs(self) -> bool:
        """Whether it is more than shown."""
        if self.mark.startswith("file: "):
            return False
        return self.mark != "not run" if self.language == "python" else self.mark in ("run", "fails")

    @property
    def code(self) -> Any:
        """Its Python, which knows its place in the page."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return compile("\n" * self.line + self.text, str(self.page), "exec", flags, dont_inherit=True)


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text"))
        yield Block(page, line, found["language"], found["mark"] or "", found["text"])


def run(page: Path, folder: Path, runner: asyncio.Runner) -> None:
    """Run a page.

    Args:
        page: The page.
        folder: Where its files go, which is the working directory.
        runner: Runs what awaits.
    """
    namespace: dict[str, Any] = {"__name__": f"docs.{page.stem}"}
    for block in blocks(page):
        kind, _, name = block.mark.partition(": ")
        if kind == "file":
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif not block.runs:
            continue
        elif block.language == "python":
            _run_python(block, namespace, runner, raises=name)
        else:
            _run_commands(block, folder)


def _run_python(block: Block, namespace: dict[str, Any], runner: asyncio.Runner, raises: str) -> None:
    came = ""
    try:
        if block.code.co_flags & inspect.CO_COROUTINE:
            runner.run(eval(block.code, namespace))
        else:
            exec(block.code, namespace)
    except Exception as error:
        came = type(error).__name__
        if not raises:
            raise
    assert came == raises, f"{block.page.name}:{block.line}: raised {came or 'nothing'}, not {raises}"


def _run_commands(block: Block, folder: Path) -> None:
    """Run what follows each `$`; `python` and `oiafed-gen` are those of the tests."""
    commands = {"python": [sys.executable], "oiafed-gen": [sys.executable, "-m", "oiafed_gen"]}
    for found in _COMMAND.finditer(block.text):
        name, *arguments = shlex.split(found["command"], comments=True)
        done = subprocess.run(
            [*commands[name], *arguments], cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == (block.mark == "fails"), f"{found['command']}: {done.stderr}"
        printed = done.stderr if block.mark == "fails" else done.stdout
        assert not found["output"] or printed == found["output"], f"{found['command']}: {printed}"
