"""Locks as rows: an owner, a lease, and a fencing token that grows for ever.

A lease is measured by a clock that nobody can set: by the server's where there is one; in a file by the machine's own
since its start, and only between machines by their wall clocks. A holder whose process is known to be gone holds
nothing.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from firn_runtime.errors import LeaseLost
from firn_runtime.state.columns import integer, json_mapping, read, real, text
from firn_runtime.state.database import Now, Transaction
from firn_runtime.state.machine import Identity, ended, rebooted
from firn_runtime.state.rows import Fence, LockRow
from firn_schemas.base import Json

_TERM = "token, held, ttl, renewed_at, boot, renewed_boot"
_COLUMNS = f"key, owner, {_TERM}"
_ONE = f"SELECT {_COLUMNS} FROM firn_locks WHERE key = ?"
_ONE_TERM = f"SELECT {_TERM} FROM firn_locks WHERE key = ? FOR SHARE"
_HELD = f"SELECT {_COLUMNS} FROM firn_locks WHERE held = 1 ORDER BY key"
_NEW = f"INSERT INTO firn_locks ({_COLUMNS}) VALUES (?, '{{}}', 0, 0, 0.0, 0.0, '', 0.0) ON CONFLICT (key) DO NOTHING"
_TAKE = "UPDATE firn_locks SET token = ?, held = 1, owner = ?, ttl = ?, renewed_at = ?, boot = ?, renewed_boot = ?"
_RENEW = "UPDATE firn_locks SET ttl = ?, renewed_at = ?, boot = ?, renewed_boot = ?"
_NAME = "UPDATE firn_locks SET owner = ?"
_FREE = "UPDATE firn_locks SET held = 0"

_TERM_KINDS = (integer, integer, real, real, text, real)
_KINDS = (text, json_mapping)


class _Term(NamedTuple):
    """The part of a row that changes with time."""

    token: int
    held: int
    ttl: float
    renewed_at: float
    boot: str
    renewed_boot: float

    def age(self, now: Now) -> float:
        """Return the seconds since the last renewal; a clock that was set back makes nobody's lease run out."""
        if self.boot and self.boot == now.boot:
            return now.boot_seconds - self.renewed_boot
        return max(0.0, now.wall - self.renewed_at)


class _Lock(NamedTuple):
    """A row as it lies in the table."""

    key: str
    owner: Mapping[str, Json]
    term: _Term

    def left(self, now: Now, here: Identity) -> float:
        """Return how many seconds the lease still keeps others out; less than none where its holder is gone."""
        age = self.term.age(now)
        if ended(self.owner, here) or (self.term.boot and rebooted(self.owner, here)):
            return min(-age, -0.001)
        return self.term.ttl - age

    def seen(self, now: Now, here: Identity) -> LockRow:
        """Return the row as others are shown it."""
        left, term = self.left(now, here), self.term
        return LockRow(self.key, self.owner, term.token, term.ttl, left, bool(term.held) and left > 0)


class Attempt:
    """One attempt to take a lock. Done again after a lost connection, it recognises what it took before."""

    def __init__(self, key: str, owner: Mapping[str, Json], ttl: float, here: Identity) -> None:
        self.key, self.ttl, self.here = key, ttl, here
        self.owner = here._asdict() | dict(owner) | {"lease": os.urandom(8).hex()}

    def __call__(self, transaction: Transaction) -> int | LockRow:
        """Return the new token, or who holds the lock."""
        transaction.execute(_NEW, (self.key,))
        lock = _locked(transaction, self.key)
        assert lock is not None  # it was made, and rows are never deleted
        now = transaction.now()
        if lock.term.held and lock.owner.get("lease") == self.owner["lease"]:
            return lock.term.token
        if lock.term.held and lock.left(now, self.here) > 0:
            return lock.seen(now, self.here)
        since = datetime.fromtimestamp(now.wall, UTC).isoformat(timespec="seconds")
        owner = orjson.dumps(self.owner | {"since": since}).decode()
        token = lock.term.token + 1
        values = (token, owner, self.ttl, now.wall, now.boot, now.boot_seconds, self.key)
        transaction.execute(f"{_TAKE} WHERE key = ?", values)
        return token


def refuse_lost(transaction: Transaction, guards: Sequence[Fence]) -> None:
    """Raise LeaseLost unless every fence is its key's current one and its lease goes on, until the commit."""
    for fence in sorted(guards):
        found = transaction.execute(_ONE_TERM, (fence.key,))
        term = _Term(*read(_TERM_KINDS, found[0])) if found else None
        if term is None or not term.held or term.token != fence.token:
            raise lost(fence.key, _taker(_locked(transaction, fence.key), fence))
        over = term.age(transaction.now()) - term.ttl
        if over >= 0:
            raise lost(fence.key, f"its lease ran out {over:.1f} s ago")


def lost(key: str, reason: str) -> LeaseLost:
    """Return the error for a lock that is no longer one's own."""
    help = "what this run finished is recorded: resume it; if work stood still for long, raise the lock's `ttl_seconds`"
    return LeaseLost("R405", f"the lock `{key}` is no longer held by this run: {reason}", help)


def renew(transaction: Transaction, fence: Fence, ttl: float) -> bool:
    """Begin the lease anew, or return False where the lock is no longer the fence's."""
    lock = _locked(transaction, fence.key)
    if lock is None or not lock.term.held or lock.term.token != fence.token:
        return False
    now = transaction.now()
    values = (ttl, now.wall, now.boot, now.boot_seconds, fence.key)
    transaction.execute(f"{_RENEW} WHERE key = ?", values)
    return True


def name_owner(transaction: Transaction, fence: Fence, owner: Mapping[str, Json]) -> None:
    """Say anew what a person should read of the holder, unless the lock is no longer the fence's."""
    lock = _locked(transaction, fence.key)
    if lock is not None and lock.term.held and lock.term.token == fence.token:
        transaction.execute(f"{_NAME} WHERE key = ?", (orjson.dumps({**lock.owner, **owner}).decode(), fence.key))


def release(transaction: Transaction, fence: Fence) -> None:
    """Free the lock, unless it is no longer the fence's."""
    transaction.execute(f"{_FREE} WHERE key = ? AND token = ?", fence)


def held(transaction: Transaction, here: Identity) -> list[LockRow]:
    """Return every lock that was taken and not released."""
    now = transaction.now()
    return [_lock(row).seen(now, here) for row in transaction.execute(_HELD)]


class Break:
    """The act of taking a lock away from its holder; whose it was is remembered when it is done again."""

    def __init__(self, fence: Fence, here: Identity) -> None:
        self.fence, self.here = fence, here
        self.was: LockRow | None = None

    def __call__(self, transaction: Transaction) -> LockRow | None:
        """Return the lock as it was, or None where that holder no longer had it."""
        lock = _locked(transaction, self.fence.key)
        if lock is not None and lock.term.held and lock.term.token == self.fence.token:
            self.was = lock.seen(transaction.now(), self.here)
            transaction.execute(f"{_FREE} WHERE key = ?", (self.fence.key,))
        return self.was


def _locked(transaction: Transaction, key: str) -> _Lock | None:
    found = transaction.execute(f"{_ONE} FOR UPDATE", (key,))
    return _lock(found[0]) if found else None


def _lock(row: Sequence[Any]) -> _Lock:
    key, owner = read(_KINDS, row[:2])
    return _Lock(key, owner, _Term(*read(_TERM_KINDS, row[2:])))


def _taker(lock: _Lock | None, fence: Fence) -> str:
    if lock is None or not lock.term.held or lock.term.token == fence.token:
        return "it was released or broken"
    return f"{holder(lock.owner)} took it"


def holder(owner: Mapping[str, Any]) -> str:
    """Say who holds a lock, in the words that its owner gave."""
    run = f"run `{owner['run']}` " if owner.get("run") else ""
    return f"{run}on `{owner.get('host') or 'an unnamed host'}` (process {owner.get('pid')})"
