"""What is asked of an HTTP API, and how its answer goes on over pages."""

from typing import Literal

from firn_schemas.base import Json, doc, record
from firn_schemas.form import Form

ParamsIn = Literal["query", "body"]
_WHERE = "Where the parameters go; in the body their names are paths, such as `variables.after`."
_KEY = r"""[^.\[\]'"*\s$@]+"""
_PART = r"""\[-?\d{1,9}\]|\[\*\]|\['[^'\\]*'\]|\["[^"\\]*"\]"""
ANSWER_PATH = Form(
    rf"\s*\$?((\.?{_KEY}|{_PART})(\.{_KEY}|{_PART})*)?\s*",
    "must be a path in an answer such as `data.items`, `$.data.items[*]`, `lists[0]` or `['a key']`",
)
_MOST = "More pages than this are an error."


@record
class PagePagination:
    """Pages that are numbered: asked for until one is empty."""

    type: Literal["page"] = doc("Pages are numbered.")
    param: str = doc("Parameter of the page's number.", default="page")
    start: int = doc("Number of the first page.", default=1, minimum=0)
    size_param: str | None = doc("Parameter of the page's size.", default=None)
    size: int | None = doc("Records in a page; a shorter one may be the last.", default=None, minimum=1)
    in_: ParamsIn = doc(_WHERE, default="query")
    max_pages: int = doc(_MOST, default=100_000, minimum=1)


@record
class OffsetPagination:
    """Slices by offset and limit: asked for until one is empty."""

    type: Literal["offset"] = doc("Slices are given by offset and limit.")
    offset_param: str = doc("Parameter of the offset.", default="offset")
    limit_param: str = doc("Parameter of the limit.", default="limit")
    limit: int = doc("Records in a slice.", default=100, minimum=1)
    in_: ParamsIn = doc(_WHERE, default="query")
    max_pages: int = doc("More slices than this are an error.", default=100_000, minimum=1)


@record
class CursorPagination:
    """Each answer holds the cursor of the next: asked for until there is none."""

    type: Literal["cursor"] = doc("Each answer holds the cursor of the next.")
    cursor: str = doc("Path of the next cursor in the answer.", examples=["meta.next_cursor"], form=ANSWER_PATH)
    param: str = doc("Parameter of the cursor.", default="cursor")
    in_: ParamsIn = doc(_WHERE, default="query")
    max_pages: int = doc(_MOST, default=100_000, minimum=1)


@record
class LinkPagination:
    """Each answer's `Link` header names the next (RFC 8288, relation `next`)."""

    type: Literal["link"] = doc("Each answer's `Link` header names the next.")
    max_pages: int = doc(_MOST, default=100_000, minimum=1)


@record
class NextUrlPagination:
    """Each answer's body holds the address of the next: asked for until there is none."""

    type: Literal["next_url"] = doc("Each answer's body holds the address of the next.")
    next_url: str = doc("Path of that address in the answer.", examples=["links.next"], form=ANSWER_PATH)
    max_pages: int = doc(_MOST, default=100_000, minimum=1)


Pagination = PagePagination | OffsetPagination | CursorPagination | LinkPagination | NextUrlPagination


@record
class Request:
    """What is asked of an HTTP API."""

    path: str = doc("Below the resource's `base_url`.", examples=["/orders"], place=True)
    method: Literal["GET", "POST"] = doc("`POST` where queries are sent so; it must change nothing.", default="GET")
    params: dict[str, str | int | float | bool] = doc("Query parameters.", default_factory=dict)
    headers: dict[str, str] = doc("Headers beside the resource's own.", default_factory=dict)
    body: Json = doc("Sent as JSON.", default=None)
    records: str | None = doc(
        "Path of the records in the answer; absent: the answer is their list.",
        default=None,
        examples=["data.items", "$.orders[*].lines[*]"],
        form=ANSWER_PATH,
    )
    pagination: Pagination | None = doc("How the answer goes on; absent: it is one page.", default=None)
