"""Every page of a request, in order: the records of each, and where the next one is; `ask` gets them."""

import re
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path as Folder
from typing import Any, NamedTuple, Protocol, Self

from firn_runtime.cancel import Token, current, working_for
from firn_runtime.connectors.http.client import Answer
from firn_runtime.connectors.rest.asking import Refused
from firn_runtime.connectors.rest.pages import Kept, Pages, digest_of
from firn_runtime.connectors.rest.pagination import Page, Place, counted, first, following
from firn_runtime.connectors.rest.paths import (
    EVERY,
    Missing,
    NotJson,
    Path,
    compacted,
    lines_of,
    parsed,
    records_at,
    value_at,
)
from firn_runtime.connectors.rest.types import Types
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.steps.requests import Pagination, Request

_CONTENT_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_LINES = frozenset(f"application/{name}" for name in ("jsonl", "jsonlines", "ndjson", "x-jsonlines", "x-ndjson"))
"""Content types of answers that have each record on a line of its own."""
_NO_CONTENT, _REFUSED = 204, 400
_NO_LONGER = Failure("", "process", "the page is no longer needed")


class Source(NamedTuple):
    """What is read."""

    request: Request
    identity: str
    """What tells the request from every other."""
    ask: Callable[[Place], Answer]
    settle: Callable[[Place, Place], Place]
    """Makes the place of a page, found in the answer of another, one that can be kept."""
    at_once: int = 1
    """Pages that may be asked for at the same time, where their places are known."""


class Fetched(NamedTuple):
    """What came."""

    pages: Pages
    types: Types


def fetched(source: Source, folder: Folder, types: Callable[[], Types]) -> Fetched:
    """Fetch what an earlier attempt has not, and begin again where the API does not know its next page any more."""
    made = _Reading(source, folder, types(), resume=True)
    if made.run():
        return Fetched(made.pages, made.types)
    again = _Reading(source, folder, types(), resume=False)
    again.run()
    return Fetched(again.pages, again.types)


class _Reading:
    def __init__(self, source: Source, folder: Folder, types: Types, *, resume: bool) -> None:
        self._source, self.types = source, types
        self._pagination = source.request.pagination
        self._records = parsed(source.request.records)
        self._limit = self._pagination.max_pages if self._pagination else 1
        digest = sha256(source.identity.encode()).hexdigest()
        self.pages = Pages(folder, digest, first(self._pagination), types.see, resume=resume)

    def run(self) -> bool:
        """Fetch to the end; say False where the first page after those of an earlier attempt is refused."""
        resumed = self.pages.count
        try:
            with _turns(self._source, self._limit) as turns:
                while self.pages.place is not None:
                    self._fetch(turns, self.pages.place)
        except ConnectorError as error:
            if not (resumed and error.error_class == "data" and self.pages.count == resumed):
                raise
            return False
        finally:
            self.pages.close()
        return True

    def _fetch(self, turns: "_Turns", place: Place) -> None:
        if place.number >= self._limit + place.beyond:
            raise ConnectorError("data", f"the API has more than {self._limit} pages", "raise `max_pages`")
        answer = self._answer(turns, place)
        records, items = _records(answer, self._records, self._source.request.records)
        after = following(self._pagination, Page(answer.content, answer.headers, items, place))
        after = self._source.settle(after, place) if after else None
        if after and not items and after.mark == place.mark:
            after = None  # behind their last page some APIs give the same cursor again and again
        lines = compacted(records)
        digest = digest_of(lines)
        self._refuse_repetition(digest if records else "", after)
        self.pages.add(lines, Kept(len(lines), len(records), max(map(len, records), default=0), digest, after))

    def _answer(self, turns: "_Turns", place: Place) -> Answer:
        """Return the answer of a page; one behind a page that was not full may be refused, and holds nothing then.

        What was answered and cannot be taken, such as too large a page, holds records.
        """
        try:
            return turns.take(place)
        except Refused as refused:
            if not (place.beyond and refused.error_class == "data" and refused.status >= _REFUSED):
                raise
            return Answer("", _NO_CONTENT, {}, b"")

    def _refuse_repetition(self, digest: str, after: Place | None) -> None:
        if after and after.mark in self.pages.asked:
            raise ConnectorError("data", "the API repeats a page: its pagination goes in a circle")
        if digest and digest == self.pages.last:
            help = "check the names of the pagination's parameters: the API seems to leave them out of account"
            raise ConnectorError("data", "the API repeats a page: the same records came twice in a row", help)


class _Turns(Protocol):
    def take(self, place: Place) -> Answer: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def _turns(source: Source, limit: int) -> _Turns:
    pagination = source.request.pagination
    ahead = source.at_once > 1 and counted(pagination, 0) is not None
    return _Ahead(source, pagination, limit) if ahead else _OneByOne(source)


class _OneByOne:
    def __init__(self, source: Source) -> None:
        self.take = source.ask

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is under way."""


class _Ahead:
    """Asks for the pages that will come next while one is waited for; how many there are, the last of them says."""

    def __init__(self, source: Source, pagination: Pagination | None, limit: int) -> None:
        self._source, self._pagination, self._limit = source, pagination, limit
        self._waiting: deque[tuple[str, Future[Answer]]] = deque()
        self._next = 0
        self._token = Token(current())
        self._pool = ThreadPoolExecutor(source.at_once, thread_name_prefix="firn-pages")

    def take(self, place: Place) -> Answer:
        """Return the answer of a page; they are taken in their order."""
        self._next = max(self._next, place.number)
        while len(self._waiting) < self._source.at_once and self._next < self._limit:
            foreseen: Any = counted(self._pagination, self._next)
            self._waiting.append((foreseen.mark, self._pool.submit(self._asked, foreseen)))
            self._next += 1
        if not self._waiting or self._waiting[0][0] != place.mark:
            return self._source.ask(place)  # it lies behind a slice that was not full
        return self._waiting.popleft()[1].result()

    def _asked(self, place: Any) -> Answer:
        with working_for(Token(self._token)):
            return self._source.ask(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Break off what lies behind the last page, or was under way when one failed."""
        if any(not one.done() for _, one in self._waiting):
            self._token.cancel(_NO_LONGER)
        self._pool.shutdown(cancel_futures=True)
        self._token.close()


def _records(answer: Answer, path: Path, spelled: str | None) -> tuple[list[Any], int]:
    """Return the records of an answer, each as it is spelled, and how long the list is that is paged.

    Raise ConnectorError.
    """
    if answer.status == _NO_CONTENT:
        return [], 0
    kind = _CONTENT_TYPE.match(answer.headers.get("content-type", "").lower())
    try:
        str(answer.content, "utf-8")
        if not path and kind and kind[0] in _LINES:
            records = lines_of(answer.content)
        else:
            records = records_at(answer.content, path)
            if not records and isinstance(errors := value_at(answer.content, ("errors",)), (dict, list)) and errors:
                said = f"{answer.name}: the API answered {answer.status} with `errors` and no records"
                raise ConnectorError("server_error", said, "ask it the same by hand: what it says is not shown here")
        is_inner = EVERY in path[:-1]
        return records, len(records_at(answer.content, path[: path.index(EVERY)]) if is_inner else records)
    except (NotJson, UnicodeDecodeError):
        named = f"its content type is {kind[0]}" if kind else "it names no content type"
        wrong, help = f"the answer is not JSON; {named}", ""
    except Missing:
        wrong = f"the answer holds no list of records {f'at `{spelled}`' if path else 'at the top'}"
        help = "name it with `records:`"
    raise ConnectorError("data", f"{answer.name}: {wrong}", help)
