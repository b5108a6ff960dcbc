"""How an API's answer goes on: from one page's answer to the next page's query. No request is made here."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import (
    CursorPagination,
    LinkPagination,
    OffsetPagination,
    PagePagination,
    Pagination,
)

_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_LINK = re.compile(r"<([^>]*)>\s*((?:;[^,<]*)*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)


class Page(NamedTuple):
    """One answer: what came, and how many records were in it."""

    body: Any
    headers: Mapping[str, str]
    records: int
    number: int
    """How many pages came before it."""


class Next(NamedTuple):
    """What to ask for next: query parameters to set, or an address to go to."""

    params: Mapping[str, str | int]
    address: str | None = None


def first(pagination: Pagination | None) -> Mapping[str, str | int]:
    """Return the query parameters of the first page."""
    if isinstance(pagination, PagePagination):
        return {pagination.param: pagination.start} | _size(pagination)
    if isinstance(pagination, OffsetPagination):
        return {pagination.offset_param: 0, pagination.limit_param: pagination.limit}
    return {}


def following(pagination: Pagination | None, page: Page) -> Next | None:
    """Return what comes after `page`; None where it was the last."""
    return None if pagination is None else _FOLLOWING[type(pagination)](pagination, page)


def _after_page(pagination: PagePagination, page: Page) -> Next | None:
    if page.records == 0 or (pagination.size is not None and page.records < pagination.size):
        return None
    return Next({pagination.param: pagination.start + page.number + 1} | _size(pagination))


def _size(pagination: PagePagination) -> dict[str, str | int]:
    if pagination.size_param is None or pagination.size is None:
        return {}
    return {pagination.size_param: pagination.size}


def _after_offset(pagination: OffsetPagination, page: Page) -> Next | None:
    if page.records < pagination.limit:
        return None
    offset = (page.number + 1) * pagination.limit
    return Next({pagination.offset_param: offset, pagination.limit_param: pagination.limit})


def _after_cursor(pagination: CursorPagination, page: Page) -> Next | None:
    cursor = at_path(page.body, pagination.cursor)
    if cursor is None or cursor == "":
        return None
    if not isinstance(cursor, (str, int)) or isinstance(cursor, bool):
        raise ConnectorError("data", f"the cursor at `{pagination.cursor}` is neither text nor a number")
    return Next({pagination.param: cursor})


def _after_link(pagination: LinkPagination, page: Page) -> Next | None:
    del pagination
    for address, parameters in _LINK.findall(page.headers.get("link", "")):
        if _NEXT.search(parameters):
            return Next({}, address)
    return None


_FOLLOWING: dict[type, Callable[[Any, Page], Next | None]] = {
    CursorPagination: _after_cursor,
    LinkPagination: _after_link,
    OffsetPagination: _after_offset,
    PagePagination: _after_page,
}


def at_path(body: Any, path: str) -> Any:
    """Return what stands at a dotted path such as `data.items` or `$.data.items[*]`; None where there is nothing."""
    for index, key in _PART.findall(path.removeprefix("$").removesuffix("[*]")):
        try:
            body = body[int(index)] if index else body[key]
        except (KeyError, IndexError, TypeError):
            return None
    return body


def records_of(body: Any, path: str | None) -> list[dict[str, Any]]:
    """Return the records of an answer; raise ConnectorError where there is no list of objects."""
    found = body if path is None else at_path(body, path)
    where = f"at `{path}`" if path else "at the top"
    if not isinstance(found, list):
        raise ConnectorError("data", f"the answer holds no list of records {where}", "name it with `records:`")
    if not all(isinstance(record, dict) for record in found):
        raise ConnectorError("data", f"a record of the answer {where} is not an object")
    return found
