"""Progress bars for large payloads, drawn by rich: `pip install 'oiafed-rpc[progress]'`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from oiafed_rpc.bulk.meter import Transfer, in_words

try:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"oiafed_rpc.progress_bar needs rich ({error}): pip install 'oiafed-rpc[progress]'", name=error.name
    ) from None


class ProgressBar:
    """A bar for each node and direction in which large payloads travel.

    `with ProgressBar() as bar: await learners.with_options(progress=bar).fit(...)`. It may be used by many proxies,
    and from many threads.

    Args:
        console: Where to; by default, standard output.
        transient: Whether the bars go away at the end.
    """

    def __init__(self, console: Console | None = None, *, transient: bool = False) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=transient,
        )
        self._moving: dict[int, TaskID] = {}
        self._ended: dict[str, list[TaskID]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, transfer: Transfer) -> None:
        """Move the bar of a transfer."""
        title = f"{transfer.method.rpartition('/')[2]} {'→' if transfer.sending else '←'} {transfer.node_id}"
        task = self._moving.get(transfer.number)
        if task is None:
            task = self._moving[transfer.number] = self._begun(title)
        note = _note(transfer)
        self._bars.update(task, completed=min(transfer.done, transfer.total), total=transfer.total, note=note)
        if transfer.over:
            del self._moving[transfer.number]
            self._ended.setdefault(title, []).append(task)

    def _begun(self, title: str) -> TaskID:
        """The bar of a new transfer: that of a former one between the same, if there is one."""
        ended = self._ended.get(title)
        if not ended:
            return self._bars.add_task(title, note="")
        task = ended.pop()
        self._bars.reset(task, description=title, note="")
        return task


def _note(transfer: Transfer) -> str:
    if transfer.error is not None:
        return f"stopped: {type(transfer.error).__name__}"
    packed = f", {transfer.gain:.2f} times smaller" if transfer.gain > 1.005 else ""
    return f"{in_words(transfer.rate)}/s{packed}"
