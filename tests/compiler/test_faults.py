"""What does not fit a record: its kind, its path and what was expected there."""

from typing import Any, Literal

import pytest

from firn_compiler.document import UNKNOWN
from firn_compiler.model.closed import Fault, faults
from firn_compiler.model.names import TEXTS, Duration, Name
from firn_schemas.base import doc, record
from firn_schemas.secret import Secret


@record
class Page:
    """A member that `type` tells."""

    type: Literal["page"] = doc("Its word.")
    size: int = doc("How many.", default=10, minimum=1, maximum=5242880)


@record
class Cursor:
    """The other."""

    type: Literal["cursor"] = doc("Its word.")


@record
class Shape:
    """One key of every kind."""

    name: Name = doc("Required.")
    on: bool = doc("A flag.", default=False)
    wait: float | Duration = doc("Seconds.", default=1, minimum=0)
    mode: Literal["append", "replace"] | None = doc("A word.", default=None)
    pages: Page | Cursor | None = doc("A union of records.", default=None)
    columns: list[str] | dict[Name, str] | None = doc("Either.", default=None)
    token: Secret | None = doc("A secret.", default=None)
    free: dict[str, Any] = doc("Anything.", default_factory=dict)


GOOD: dict[str, Any] = {"name": "a"}
RULE = TEXTS[Duration].rule


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"on": True, "wait": 2, "mode": None, "pages": None, "columns": ["a"], "token": None, "free": {"a": [1]}},
        {"wait": 0.5, "mode": "append", "pages": {"type": "page", "size": 99}, "columns": {"a": "b"}},
        {"wait": "5m", "pages": {"type": "cursor"}, "token": {"secret_ref": "a", "key": "b"}},
        {"on": UNKNOWN, "wait": UNKNOWN, "mode": UNKNOWN, "columns": [UNKNOWN], "free": UNKNOWN, "name": UNKNOWN},
    ],
)
def test_what_fits_has_no_fault(more: dict[str, Any]) -> None:
    assert list(faults(Shape, GOOD | more)) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([], [Fault("type", (), "a mapping")]),
        ({"nam": "a"}, [Fault("missing", ("name",)), Fault("unknown", ("nam",))]),
        ({"name": "1"}, [Fault("rule", ("name",), TEXTS[Name].rule)]),
        ({"name": 1}, [Fault("type", ("name",), "text")]),
        (GOOD | {"on": 1}, [Fault("type", ("on",), "true or false")]),
        (GOOD | {"on": None}, [Fault("type", ("on",), "true or false")]),
        (GOOD | {"wait": True}, [Fault("type", ("wait",), "a number"), Fault("type", ("wait",), "text")]),
        (GOOD | {"wait": "5"}, [Fault("type", ("wait",), "a number"), Fault("rule", ("wait",), RULE)]),
        (GOOD | {"wait": -1}, [Fault("bound", ("wait",), "must be at least 0"), Fault("type", ("wait",), "text")]),
        (GOOD | {"mode": "add"}, [Fault("word", ("mode",), words=("append", "replace"))]),
        (GOOD | {"mode": ["append"]}, [Fault("word", ("mode",), words=("append", "replace"))]),
        (GOOD | {"pages": []}, [Fault("type", ("pages",), "a mapping")]),
        (GOOD | {"pages": {"size": 1}}, [Fault("untagged", ("pages",), words=("page", "cursor"), chosen_by="type")]),
        (GOOD | {"pages": {"type": "p"}}, [Fault("tag", ("pages",), words=("page", "cursor"), chosen_by="type")]),
        (GOOD | {"pages": {"type": UNKNOWN}}, [Fault("tag", ("pages",), words=("page", "cursor"), chosen_by="type")]),
        (GOOD | {"pages": {"type": "page", "size": 1.5}}, [Fault("type", ("pages", "size"), "an integer")]),
        (
            GOOD | {"pages": {"type": "page", "size": 5242881}},
            [Fault("bound", ("pages", "size"), "must be at most 5242880")],
        ),
        (
            GOOD | {"columns": ["a", 1]},
            [Fault("type", ("columns", 1), "text"), Fault("type", ("columns",), "a mapping")],
        ),
        (
            GOOD | {"columns": {"1": 2}},
            [
                Fault("type", ("columns",), "a list"),
                Fault("key", ("columns", "1"), TEXTS[Name].rule),
                Fault("type", ("columns", "1"), "text"),
            ],
        ),
        (GOOD | {"token": "a"}, [Fault("type", ("token",), "a mapping")]),
        (GOOD | {"token": {"key": "a"}}, [Fault("missing", ("token", "secret_ref"))]),
    ],
)
def test_a_fault_says_what_was_expected_where(value: Any, found: list[Fault]) -> None:
    assert list(faults(Shape, value)) == found
