"""How an API's answer goes on: from one page's answer to the place of the next. No request is made here."""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from firn_runtime.connectors.rest.paths import parsed, value_at
from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json
from firn_schemas.steps.requests import (
    CursorPagination,
    LinkPagination,
    NextUrlPagination,
    OffsetPagination,
    PagePagination,
    Pagination,
)

_LINK = re.compile(r"<([^>]*)>((?:[^\",<]|\"[^\"]*\")*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)


class Place(NamedTuple):
    """Where a page is: parameters to set in the request, or an address to go to."""

    number: int
    """How many pages come before it."""
    params: Mapping[str, Any] = {}
    address: str | None = None
    beyond: bool = False
    """The page before it was not full: there may be no such page."""

    @property
    def mark(self) -> str:
        """What tells it from other places."""
        return f"{self.address} {sorted(self.params.items())}"


class Page(NamedTuple):
    """One answer: what came, and how long its list is."""

    body: Any
    headers: Mapping[str, str]
    items: int
    """Elements of the list that is paged: of the outermost, where lists within its elements are read."""
    place: Place


def first(pagination: Pagination | None) -> Place:
    """Return the place of the first page."""
    return counted(pagination, 0) or Place(0)


def counted(pagination: Pagination | None, number: int) -> Place | None:
    """Return the place of a page that can be asked for without having seen the one before; else None."""
    if isinstance(pagination, PagePagination):
        return Place(number, {pagination.param: pagination.start + number} | _size(pagination))
    if isinstance(pagination, OffsetPagination):
        slice_ = {pagination.offset_param: number * pagination.limit, pagination.limit_param: pagination.limit}
        return Place(number, slice_)
    return None


def following(pagination: Pagination | None, page: Page) -> Place | None:
    """Return what comes after `page`; None where it was the last."""
    return None if pagination is None else _FOLLOWING[type(pagination)](pagination, page)


def placed(body: Json, params: Mapping[str, Any]) -> Any:
    """Return a JSON body with parameters set at their paths; objects on the way are made; raise ConnectorError."""
    made: Any = {} if body is None else deepcopy(body)
    for path, value in params.items():
        *way, last = parsed(path)
        inner = made
        for key in way:
            inner = inner.setdefault(key, {}) if isinstance(inner, dict) else None
        if not isinstance(inner, dict):
            raise ConnectorError("data", f"the request's body has no place for `{path}`", "it must be a mapping")
        inner[last] = value
    return made


def _after_page(pagination: PagePagination, page: Page) -> Place | None:
    after = counted(pagination, page.place.number + 1)
    if page.items == 0 or after is None:
        return None
    return after._replace(beyond=pagination.size is not None and page.items < pagination.size)


def _size(pagination: PagePagination) -> dict[str, int]:
    if pagination.size_param is None or pagination.size is None:
        return {}
    return {pagination.size_param: pagination.size}


def _after_offset(pagination: OffsetPagination, page: Page) -> Place | None:
    """Go on behind a slice that is not full, too: APIs have limits of their own, and say nothing of them."""
    after = counted(pagination, page.place.number + 1)
    if page.items == 0 or after is None:
        return None
    if page.items > pagination.limit:
        wrong = f"the API gives more records in a slice than `limit`, {pagination.limit}, asks for"
        raise ConnectorError("data", wrong, "`limit_param` must be the API's name of it")
    if page.place.beyond:
        wrong = f"the API gives fewer records in a slice than `limit`, {pagination.limit}, asks for"
        raise ConnectorError("data", wrong, "set `limit` to the most that it gives at once")
    if page.items == pagination.limit:
        return after
    offset = page.place.params[pagination.offset_param] + page.items
    return after._replace(params={**after.params, pagination.offset_param: offset}, beyond=True)


def _after_cursor(pagination: CursorPagination, page: Page) -> Place | None:
    cursor = value_at(page.body, parsed(pagination.cursor))
    if cursor is None or cursor is False or cursor in ("", [], {}):
        return None
    if pagination.in_ == "query" and (not isinstance(cursor, (str, int)) or cursor is True):
        raise ConnectorError("data", f"the cursor at `{pagination.cursor}` is neither text nor a whole number")
    return Place(page.place.number + 1, {pagination.param: cursor})


def _after_link(pagination: LinkPagination, page: Page) -> Place | None:
    del pagination
    for address, parameters in _LINK.findall(page.headers.get("link", "")):
        if _NEXT.search(parameters):
            return Place(page.place.number + 1, address=address)
    return None


def _after_next_url(pagination: NextUrlPagination, page: Page) -> Place | None:
    address = value_at(page.body, parsed(pagination.next_url))
    if address is None or address == "" or address is False:
        return None
    if not isinstance(address, str):
        raise ConnectorError("data", f"the address at `{pagination.next_url}` is no text")
    return Place(page.place.number + 1, address=address)


_FOLLOWING: dict[type, Callable[[Any, Page], Place | None]] = {
    CursorPagination: _after_cursor,
    LinkPagination: _after_link,
    NextUrlPagination: _after_next_url,
    OffsetPagination: _after_offset,
    PagePagination: _after_page,
}
