"""Twice as much of something takes about twice the work: the work is counted in calls, and no clock is read."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from compiler.projects import compiled

HEAD = 'name: large\nversion: "1.0.0"\nsteps:\n'


def reads_and_writes(number: int) -> str:
    read = '  - {{id: r{0}, type: read, inputs: {{resource: storage, path: "{0}.csv"}}}}\n'
    write = (
        '  - {{id: w{0}, type: write, inputs: {{from: r{0}, resource: storage, path: "{0}.json", mode: replace}}}}\n'
    )
    return HEAD + "".join((read + write).format(at) for at in range(number))


def columns_declared(number: int) -> str:
    columns = ", ".join(f"c{at}: bigint" for at in range(number))
    read = f"  - {{id: wide, type: read, inputs: {{resource: storage, path: wide.csv, schema: {{{columns}}}}}}}\n"
    return HEAD + read + '  - {id: same, type: sql, inputs: {sql: "select * from wide"}}\n'


def columns_made(number: int) -> str:
    columns = ", ".join(f"a + {at} as c{at}" for at in range(number))
    read = "  - {id: narrow, type: read, inputs: {resource: storage, path: narrow.csv, schema: {a: bigint}}}\n"
    return HEAD + read + f'  - {{id: wide, type: sql, inputs: {{sql: "select {columns} from narrow"}}}}\n'


@pytest.mark.parametrize("shape", [reads_and_writes, columns_declared, columns_made])
def test_the_work_grows_as_the_flow_does(shape: Callable[[int], str]) -> None:
    calls(shape(10))  # what is made once is made
    assert calls(shape(1000)) < 2.4 * calls(shape(500))


def calls(flow: str) -> int:
    """Compile a flow and return how many calls of functions that took."""
    number = 0

    def count(_frame: object, event: str, _argument: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answer = compiled(flow)
    finally:
        sys.setprofile(None)
    assert answer.ok, answer.diagnostics[:3]
    return number
