"""The memory of calls on disk, for a receiver that must not run a call twice although it was started anew between."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from oiafed_rpc.bulk.chunk import CHUNK
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.delivery.answer import Answer
from oiafed_rpc.delivery.marks import Number, number_of
from oiafed_rpc.errors import Code, ConfigError

T = TypeVar("T")
Key = tuple[str, str]

_TABLES = """
CREATE TABLE IF NOT EXISTS journal (ledger TEXT NOT NULL, node TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    source TEXT, call_id TEXT, body BLOB, encoding TEXT, code INTEGER, message TEXT, sizes TEXT,
    PRIMARY KEY (source, call_id));
CREATE TABLE IF NOT EXISTS chunks (source TEXT, call_id TEXT, start INTEGER, data BLOB);
CREATE INDEX IF NOT EXISTS chunks_of_calls ON chunks (source, call_id);
CREATE TABLE IF NOT EXISTS marks (
    source TEXT, incarnation TEXT, value INTEGER, PRIMARY KEY (source, incarnation));
"""


class Recalled(NamedTuple):
    """What a journal has.

    Attributes:
        ledger: What names it.
        calls: The answers of calls, the oldest first; None of those that have none, as the node ended first.
        marks: The source and the number of calls of which all former ones may have been forgotten.
    """

    ledger: str
    calls: list[tuple[Key, Answer | None]]
    marks: list[tuple[str, Number]]


class Journal:
    """A SQLite database with the calls of one node. All of it happens in a thread of its own, one thing after another.

    Args:
        path: Where it is; it is made where there is none.
        node_id: The node's id.
    """

    def __init__(self, path: str, node_id: str) -> None:
        self._path = path
        self._node_id = node_id
        self._thread: ThreadPoolExecutor | None = None
        self._database: sqlite3.Connection | None = None

    async def open(self) -> Recalled:
        """Open it and give what it has.

        Raises:
            ConfigError: where it can't be opened, or is another node's.
        """
        self._thread = ThreadPoolExecutor(1, "oiafed-journal")
        try:
            return await self._run(self._open)
        except BaseException as error:
            await self.close()
            if isinstance(error, sqlite3.Error):
                locked = "another node that runs has it open" if "locked" in str(error) else str(error)
                raise ConfigError(f"delivery.journal: {self._path} can't be used: {locked}") from error
            raise

    async def close(self) -> None:
        """Write what is to be written, and close it. Harmless where it is not open."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        await asyncio.wrap_future(thread.submit(self._close))
        thread.shutdown(wait=False)

    async def start(self, key: Key) -> None:
        """Note that a call is about to run."""
        await self._run(lambda: self._write("INSERT OR REPLACE INTO calls (source, call_id) VALUES (?, ?)", key))

    async def end(self, key: Key, answer: Answer) -> None:
        """Note the answer of a call; of one that did not run, nothing stays."""
        await self._run(lambda: self._keep(key, answer) if answer.ran else self._drop(key))

    def let_go(self, key: Key) -> None:
        """Note some time that the answer of a call is no more."""
        self._some_time(lambda: self._let_go(key))

    def forget(self, key: Key) -> None:
        """Note some time that a call, and with it all former ones of its source, is forgotten."""
        self._some_time(lambda: self._forget(key))

    # In the thread

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._thread is None:
            raise RuntimeError("the journal is not open")
        return asyncio.wrap_future(self._thread.submit(work))

    def _some_time(self, work: Callable[[], None]) -> None:
        if self._thread is not None:
            self._thread.submit(work)

    @property
    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise RuntimeError("the journal is not open")
        return self._database

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._open_database as database:
            database.execute(statement, values)

    def _open(self) -> Recalled:
        database = self._database = sqlite3.connect(self._path, timeout=0)
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            database.execute(f"PRAGMA {setting}")
        database.executescript(_TABLES)
        with database:
            found = database.execute("SELECT ledger, node FROM journal").fetchone()
            if found is None:
                found = (secrets.token_hex(8), self._node_id)
                database.execute("INSERT INTO journal VALUES (?, ?)", found)
        ledger, node = found
        if node != self._node_id:
            raise ConfigError(
                f"delivery.journal: {self._path} is that of node {node!r}: give {self._node_id!r} its own"
            )
        marks = [(source, Number(start, value)) for source, start, value in database.execute("SELECT * FROM marks")]
        return Recalled(ledger, list(self._calls(database)), marks)

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _calls(self, database: sqlite3.Connection) -> Iterator[tuple[Key, Answer | None]]:
        for source, call_id, body, encoding, code, message, sizes in database.execute(
            "SELECT * FROM calls ORDER BY rowid"
        ):
            key = source, call_id
            if body is None:
                yield key, None
                continue
            outgoing = self._outgoing(database, key, sizes) if sizes else None
            yield key, Answer(body, encoding, None if code is None else Code(code), message, outgoing)

    @staticmethod
    def _outgoing(database: sqlite3.Connection, key: Key, sizes: str) -> Outgoing:
        rows = database.execute("SELECT data FROM chunks WHERE source = ? AND call_id = ? ORDER BY start", key)
        data, runs, start = memoryview(b"".join(data for (data,) in rows)), list[Any](), 0
        for size in map(int, sizes.split()):
            runs.append(run_of(data[start : start + size]))
            start += size
        return Outgoing(runs)

    def _keep(self, key: Key, answer: Answer) -> None:
        outgoing = answer.outgoing
        sizes = " ".join(map(str, outgoing.sizes)) if outgoing is not None else ""
        code = None if answer.code is None else int(answer.code)
        with self._open_database as database:
            database.execute(
                "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*key, answer.data, answer.encoding, code, answer.message, sizes),
            )
            if outgoing is not None:
                for start in range(0, outgoing.size, CHUNK):
                    data = b"".join(outgoing.layout.views(start, min(start + CHUNK, outgoing.size)))
                    database.execute("INSERT INTO chunks VALUES (?, ?, ?, ?)", (*key, start, data))

    def _drop(self, key: Key) -> None:
        with self._open_database as database:
            database.execute("DELETE FROM calls WHERE source = ? AND call_id = ?", key)
            database.execute("DELETE FROM chunks WHERE source = ? AND call_id = ?", key)

    def _let_go(self, key: Key) -> None:
        with self._open_database as database:
            database.execute("UPDATE calls SET body = NULL WHERE source = ? AND call_id = ?", key)
            database.execute("DELETE FROM chunks WHERE source = ? AND call_id = ?", key)

    def _forget(self, key: Key) -> None:
        number = number_of(key[1])
        self._drop(key)
        self._write(
            "INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
            (key[0], *number),
        )
