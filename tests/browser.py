"""A headless Chromium for tests, driven over the DevTools protocol by two pipes: no port, no driver, no downloads."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", "--force-color-profile=srgb"),
)
_PATIENCE = 30.0


class Browser:
    """One tab of a running Chromium; `commands` and `replies` are the ends of its two pipes."""

    def __init__(self, commands: int, replies: int) -> None:
        self._commands = commands
        self._replies = replies
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: object) -> Any:
        """Run a command, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._events.append(answer)

    def look(self, *, width: int = 1280, height: int = 800, scheme: str = "light", media: str = "screen") -> None:
        """Set the window's size in CSS pixels, the colour scheme that the user prefers, and the medium."""
        phone = width < 600
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)

    def open(self, page: Path | str) -> None:
        """Load a page, and wait until it and its scripts are there."""
        address = page.as_uri() if isinstance(page, Path) else page
        self._events.clear()
        self.send("Page.navigate", url="about:blank")
        self._until("Page.loadEventFired")
        result = self.send("Page.navigate", url=address)
        assert "errorText" not in result, result
        self._until("Page.loadEventFired")

    def run(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited if it is a promise."""
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key that has no text, such as ArrowDown, or one letter."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        codes = {"Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9}
        known = {"windowsVirtualKeyCode": codes[key]} if key in codes else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **known)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **known)

    def write(self, text: str) -> None:
        """Write a text where the focus is."""
        self.send("Input.insertText", text=text)

    def complaints(self) -> list[str]:
        """Return what the page logged and threw since it was opened."""
        self.send("Runtime.evaluate", expression="0")  # behind whatever is on its way
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self._events if event.get("method") in kinds]

    def _until(self, event: str) -> None:
        while not any(seen.get("method") == event for seen in self._events):
            self._events.append(self._receive())
        self._events = [seen for seen in self._events if seen.get("method") != event]

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._replies], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            part = os.read(self._replies, 1 << 20)
            assert part, "Chromium has ended"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run a Chromium, or skip the test where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on PATH; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="oiafed-browser-", ignore_cleanup_errors=True) as profile:
        command_end, commands = os.pipe()
        replies, reply_end = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        shell = f'exec "$@" 3<&{command_end} 4>&{reply_end}'
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_end, reply_end),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(command_end)
        os.close(reply_end)
        try:
            yield Browser(commands, replies)
        finally:
            os.close(commands)  # at which it ends
            os.close(replies)
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with contextlib.suppress(ProcessLookupError):  # its helpers too
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
