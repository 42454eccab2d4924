"""Plays a story: starts its processes, puts a proxy between them, breaks what it says, and keeps the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from oiafed_rpc.testing import FaultProxy

from tests.chaos.ledger import Entry, Ledger
from tests.chaos.nursery import Nursery
from tests.chaos.story import Call, Round, Story

PATIENCE = 8.0
"""Seconds in which what must happen has happened, or never will."""

_OTHER = {"learner": "trainer", "trainer": "learner"}


class Part:
    """A node of the story.

    Attributes:
        who: Its id.
        pid: The process that it is now.
        start: How manyth process that is.
        port: Where it listens; 0 where it does not.
        former: The process, and how manyth it is, in whose place it has come, and that goes on; None for none.
    """

    def __init__(self, who: str) -> None:
        self.who = who
        self.pid = self.start = self.port = 0
        self.former: tuple[int, int] | None = None
        self.writer: asyncio.StreamWriter | None = None

    def order(self, do: str, **facts: Any) -> None:
        """Have it do something, if it still can."""
        if self.writer is not None and not self.writer.is_closing():
            self.writer.write(json.dumps({"do": do, **facts}).encode() + b"\n")


class Stage:
    """Where one story is played.

    Args:
        story: The story.
        nursery: Where its processes come from.
        folder: For its sockets and files.
    """

    def __init__(self, story: Story, nursery: Nursery, folder: Path) -> None:
        self.story = story
        self.ledger = Ledger(story)
        self._nursery = nursery
        self._folder = folder
        self._parts = {who: Part(who) for who in _OTHER}
        self._proxy = FaultProxy()
        self._changed = asyncio.Event()
        self._readers: set[asyncio.Task[None]] = set()

    # What is said

    def _note(self, what: str, **facts: Any) -> None:
        self._enter({"at": time.monotonic(), "who": "stage", "what": what, **facts})

    def _enter(self, entry: Entry) -> None:
        self.ledger.entries.append(entry)
        self._changed.set()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._readers.add(task)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                if line.endswith(b"\n"):
                    entry = json.loads(line)
                    part = self._parts[entry["who"]]
                    if entry["start"] == part.start:
                        part.writer = writer
                    self._enter(entry)
        writer.close()
        self._readers.discard(task)

    async def _until(self, condition: Callable[[], object], patience: float = PATIENCE) -> bool:
        """Wait until something holds; False where it does not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        return bool(condition())

    def _said(self, who: str, what: str) -> list[Entry]:
        return self.ledger.all(what, who=who, start=self._parts[who].start)

    # Processes

    async def _start(self, who: str) -> None:
        part = self._parts[who]
        listens = (who == "trainer") == self.story.dial_out
        if listens and (self.story.moves or part.former or not part.port):
            part.port = _free_port()
            self._proxy.target = "127.0.0.1", part.port
        part.start += 1
        part.writer = None
        self._note("starting", whom=who, nth=part.start)
        part.pid = await self._nursery.start(
            who=who,
            start=part.start,
            line=str(self._folder / "line"),
            host="127.0.0.1" if listens else None,
            port=part.port,
            connect_to=[] if listens else [f"{_OTHER[who]}@127.0.0.1:{self._proxy.port}"],
            beside=self.story.beside,
            journal=self._journal(who),
        )

    def _journal(self, who: str) -> str | None:
        """Where a learner keeps its memory: one that still runs does not give its own to another."""
        if not self.story.journal or who != "learner":
            return None
        return str(self._folder / f"journal-{len(self.ledger.all('woken')) + (self._parts[who].former is not None)}")

    async def _ready(self, who: str) -> None:
        if not await self._until(lambda: self._said(who, "started")):
            self._note("left", text=f"{who} did not start in {PATIENCE:g} s")

    async def _kill(self, who: str) -> None:
        part = self._parts[who]
        await self._kill_start(who, part.pid, part.start, former=False)

    async def _kill_start(self, who: str, pid: int, nth: int, *, former: bool) -> None:
        self._note("killed", whom=who, nth=nth, former=former)
        os.kill(pid, signal.SIGKILL)
        await self._nursery.end(pid)

    async def _kill_former(self, who: str) -> None:
        part = self._parts[who]
        if part.former is not None:
            await self._kill_start(who, *part.former, former=True)
        part.former = None

    async def _stop(self, who: str) -> None:
        """Have a node stop as it should."""
        part = self._parts[who]
        part.order("stop")
        try:
            async with asyncio.timeout(PATIENCE + 6):
                status = await self._nursery.end(part.pid)
        except TimeoutError:
            self._note("left", text=f"process {who}, which does not stop")
            await self._kill(who)
            return
        if status:
            self._note("left", text=f"process {who} ended with {status}")
        await self._until(lambda: self._said(who, "stopped"), 1)

    # The play

    async def play(self) -> Ledger:
        """Play it from the beginning to the end."""
        server = await asyncio.start_unix_server(self._listen, self._folder / "line")
        async with server, self._proxy:
            try:
                first, second = ("trainer", "learner") if self.story.dial_out else ("learner", "trainer")
                for who in (first, second):
                    await self._start(who)
                    await self._ready(who)
                await self._probe()
                for act in self.story.rounds:
                    await self._play_round(act)
                    await self._probe()
                for who in ("trainer", "learner"):
                    await self._stop(who)
            finally:
                for part in self._parts.values():
                    await self._kill_former(part.who)
                    if part.pid and self._nursery.running(part.pid):
                        await self._kill(part.who)
        if self._readers:
            await asyncio.wait(tuple(self._readers), timeout=1)
        self._check_port()
        return self.ledger

    def _check_port(self) -> None:
        port = self._proxy.target[1]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                self._note("left", text=f"port {port}")

    async def _probe(self) -> None:
        count = len(self.ledger.all("probed"))
        started = self._said("learner", "started")
        if not started:
            return  # which has been noted
        self._parts["trainer"].order("probe", epoch=started[-1]["epoch"], patience=PATIENCE)
        if not await self._until(lambda: len(self.ledger.all("probed")) > count, PATIENCE + 2):
            self._note("left", text="a trainer that does not say whether the learner answers")

    async def _play_round(self, act: Round) -> None:
        struck = act.calls[0]
        if act.deed == "kill trainer":
            await self._kill_former("learner")  # the next trainer cannot know that another came after it
        gated = act.step in ("running", "reply") and struck.kind != "thread"
        async with self._broken(act) as breaks:
            if act.step == "before":
                await breaks()
            elif act.step == "request":
                self._proxy.stop_after(act.place, up=not self.story.dial_out)
            for call in act.calls:
                self._call(call, gated=gated and call is struck)
            if act.step == "request":
                await self._until_reached(struck)
                await breaks()
            elif act.step in ("running", "reply"):
                await self._until(lambda: self.ledger.all("ran", key=struck.key) or self._over(struck))
                if act.step == "running":
                    await breaks()
                else:
                    self._proxy.stop_after(act.place, up=self.story.dial_out)
                    self._go(struck)
                    await self._until_reached(struck)
                    await breaks()
            if act.step == "after":
                await self._until(lambda: self._over(struck), struck.timeout + 3)
                await breaks()
            if not act.late:
                self._go(struck)
            await asyncio.sleep(act.seconds)
        self._go(struck)
        if act.deed != "kill trainer":
            await self._until(lambda: all(map(self._over, act.calls)), struck.timeout + 6)

    def _call(self, call: Call, *, gated: bool) -> None:
        facts = {"key": call.key, "kind": call.kind, "timeout": call.timeout, "pause": call.pause, "size": call.size}
        self._parts["trainer"].order("call", gated=gated, **facts)

    def _go(self, call: Call) -> None:
        self._parts["learner"].order("go", key=call.key)

    def _over(self, call: Call) -> bool:
        return any(self.ledger.all(what, key=call.key) for what in ("result", "failed", "given up"))

    async def _until_reached(self, call: Call) -> None:
        """Wait until the link stands still where it was told to, or the call is through before."""
        reached = asyncio.create_task(self._proxy.reached.wait())
        over = asyncio.create_task(self._until(lambda: self._over(call), call.timeout))
        await asyncio.wait((reached, over), return_when=asyncio.FIRST_COMPLETED)
        for task in (reached, over):
            task.cancel()
        await asyncio.gather(reached, over, return_exceptions=True)

    # What breaks

    @contextlib.asynccontextmanager
    async def _broken(self, act: Round) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Gives what breaks it, and has it whole again in the end."""
        begin, mend = self._deeds(act)

        async def breaks() -> None:
            self._note("breaks", deed=act.deed, seconds=act.seconds)
            if act.deed not in ("vanish", "half open"):
                self._proxy.mend()  # where it stood still for the right moment
            await begin()

        yield breaks
        await mend()
        self._proxy.delay = 0.0
        self._proxy.mend()
        self._note("whole", deed=act.deed)

    def _deeds(self, act: Round) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
        verb, _, who = act.deed.partition(" ")
        proxy = self._proxy

        async def nothing() -> None:
            pass

        async def cut() -> None:
            proxy.cut(act.seconds)

        async def vanish() -> None:
            proxy.stop()

        async def half_open() -> None:
            proxy.half_open(up=act.up)

        async def slow() -> None:
            proxy.delay = 0.02

        async def cancel() -> None:
            self._parts["trainer"].order("cancel", key=act.calls[0].key)

        async def suspend() -> None:
            os.kill(self._parts[who].pid, signal.SIGSTOP)

        async def resume() -> None:
            os.kill(self._parts[who].pid, signal.SIGCONT)

        async def kill() -> None:
            await self._kill(who)

        async def restart() -> None:
            self._parts[who].order("go", key=act.calls[0].key)
            await self._stop(who)

        async def again() -> None:
            await self._start(who)
            await self._ready(who)

        async def set_aside() -> None:
            part = self._parts[who]
            await self._kill_former(who)
            os.kill(part.pid, signal.SIGSTOP)
            part.former = part.pid, part.start

        async def replace() -> None:
            former = self._parts[who].former
            await self._start(who)
            proxy.cut()  # where the former one listens, nothing leads any more
            await self._ready(who)
            assert former is not None
            self._note("woken", whom=who, nth=former[1])
            os.kill(former[0], signal.SIGCONT)

        ways: dict[str, tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]] = {
            "cut": (cut, nothing),
            "vanish": (vanish, nothing),
            "half": (half_open, nothing),
            "slow": (slow, nothing),
            "cancel": (cancel, nothing),
            "stop": (suspend, resume),
            "kill": (kill, again),
            "replace": (set_aside, replace),
            "restart": (restart, again),
        }
        return ways[verb]


def _free_port() -> int:
    """A port that nobody listens on, below those that the kernel gives to connections."""
    for _ in range(100):
        with socket.socket() as probe:
            port = 20_000 + int.from_bytes(os.urandom(2)) % 12_000
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no port is free")


async def play(story: Story, nursery: Nursery, longest: float) -> Ledger:
    """Play a story, and give its ledger; after so many seconds it is ended, which is a violation."""
    with tempfile.TemporaryDirectory(prefix="oiafed-chaos-") as folder:
        stage = Stage(story, nursery, Path(folder))
        try:
            async with asyncio.timeout(longest):
                return await stage.play()
        except TimeoutError:
            told = f"a story that has not ended in {longest:g} s"
            stage.ledger.entries.append({"at": time.monotonic(), "who": "stage", "what": "left", "text": told})
            return stage.ledger
