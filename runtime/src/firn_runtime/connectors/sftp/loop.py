"""An event loop in a thread of its own, for callers in other threads."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from firn_runtime.cancel import current
from firn_runtime.connectors.sftp.line import GatheringLoop

T = TypeVar("T")


class LoopThread:
    """A running event loop. Close it."""

    def __init__(self) -> None:
        self._loop = GatheringLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="firn-sftp", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Task[T]":
        """Return the coroutine's task when it is done; it is cancelled where the calling thread's work shall end.

        Raises Ended where it was cancelled for that.
        """
        token = current()
        begun: list[asyncio.Task[T]] = []
        done: Future[asyncio.Task[T]] = Future()

        def begin() -> None:
            begun.append(self._loop.create_task(work()))
            begun[0].add_done_callback(done.set_result)

        def stop() -> None:
            for task in begun:
                self._loop.call_soon_threadsafe(task.cancel)

        with token.interrupting(stop):
            self._loop.call_soon_threadsafe(begin)
            task = done.result()
        if task.cancelled() or task.exception() is not None:
            token.check()
        return task

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a last thing, end what still runs, and end the thread."""
        asyncio.run_coroutine_threadsafe(_end_all(last), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_all(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await last()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
