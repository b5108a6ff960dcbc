"""x"""
from collections.abc import Iterator
def negatives() -> Iterator[tuple[str, str, str, str, str, str]]:
    yield from ()
