"""What must hold, as sentences about what does not: of a session, of what it left, and of the end."""

from collections.abc import Collection, Iterator, Mapping

from crash.points import Hurt
from crash.sessions import Session
from crash.sinks import Look, Rows

MARKS = "marks"
"""In the name of whatever holds the dataset that is never the same twice."""
_ENDS = (0, 1, 5)
"""Documented exit codes of a session in which a call failed: done, a step or the state failed, the lease was lost."""
_INTERNAL = ("Traceback", "internal error", "R399")

Step = tuple[str, str]


def of_session(session: Session, hurt: Hurt | None, done: Collection[Step]) -> Iterator[str]:
    """Say what was wrong with a session; `done` was recorded as done before it."""
    if session.hung:
        yield f"it hung: {session.output[:3000]}"
    told = session.output + str(session.events)
    if any(word in told for word in _INTERNAL):
        yield f"it told of an internal error: {last_words(session)}"
    if hurt is None and session.exit != 0:
        yield f"it was not hurt and ended with {session.exit}: {last_words(session)}"
    if hurt is not None and not session.killed and session.exit not in _ENDS:
        yield f"it ended with {session.exit}: {last_words(session)}"
    started = {(str(one["job"]), str(one["step"])) for one in session.events if one["event"] == "step.started"}
    for job, step in sorted(started.intersection(done)):
        yield f"it ran {job}.{step} again, which was recorded as done"


def of_records(before: Collection[Step], now: Collection[Step]) -> Iterator[str]:
    """Say what the state has forgotten."""
    for job, step in sorted(set(before) - set(now)):
        yield f"the state has forgotten that {job}.{step} is done"


def of_publications(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Say what was published a second time, or is no longer there."""
    for name, mark in sorted(before.items()):
        if now.get(name) != mark:
            yield f"{name} was published again, or lost: {mark}, then {now.get(name)}"


def of_the_end(wanted: Look, end: Look) -> Iterator[str]:
    """Say how the sinks differ from those of the undisturbed run."""
    for name in sorted(wanted.tables.keys() | end.tables.keys()):
        rows, expected = end.tables.get(name), wanted.tables.get(name)
        if MARKS not in name and rows != expected:
            yield f"{name} has {_count(rows)}, not {_count(expected)}, or others"
    yield from _of_marks(wanted.tables, end.tables)
    if differing := sorted(end.published.keys() ^ wanted.published.keys()):
        yield f"too much or too little is published: {differing}"
    if end.doubled:
        yield f"more than one publication row: {', '.join(end.doubled)}"
    if end.stray:
        yield f"files that nobody publishes: {', '.join(end.stray)}"


def _of_marks(wanted: Mapping[str, Rows], tables: Mapping[str, Rows]) -> Iterator[str]:
    copies = {name: rows for name, rows in tables.items() if MARKS in name}
    if {name: len(rows) for name, rows in copies.items()} != {n: len(r) for n, r in wanted.items() if MARKS in n}:
        yield f"the copies of `mark` have { ({name: len(rows) for name, rows in copies.items()}) } rows"
    if len({str(rows) for rows in copies.values()}) > 1:
        yield f"the copies of `mark` are of more than one making: {', '.join(copies)}"


def last_words(session: Session) -> str:
    """Return the end of what a session said, and its last errors."""
    failed = [str(one["error"]) for one in session.events if one.get("error")]
    return " | ".join([session.output[-600:].strip(), *failed[-2:]])


def _count(rows: Rows | None) -> str:
    return "no table" if rows is None else f"{len(rows)} rows"
