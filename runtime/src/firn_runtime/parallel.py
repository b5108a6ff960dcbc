"""One act for every item, some of them at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from firn_runtime.cancel import Token, current, working_for

T = TypeVar("T")
R = TypeVar("R")


def each(at_once: int, act: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return what `act` gives for every item, in their order; `cancel.current()` is heard in its threads.

    After the first error no other item is begun, those in flight come to their end, and the error is raised.
    """
    parent, failed = current(), list[BaseException]()

    def work(item: T) -> R:
        try:
            if failed:
                raise failed[0]
            with working_for(Token(parent)):
                return act(item)
        except BaseException as error:
            failed.append(error)
            raise

    with ThreadPoolExecutor(at_once, "firn-each") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(cancel_futures=True)
    if failed:
        raise failed[0]
    return [one.result() for one in futures]
