"""The state of runs: what was planned, what finished, and who holds which lock. Every method is one transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from firn_runtime.errors import StateError
from firn_runtime.state import locks, watermarks
from firn_runtime.state.columns import (
    Column,
    Unreadable,
    encoded,
    integer,
    json,
    json_mapping,
    optional_integer,
    optional_real,
    optional_text,
    read,
    text,
)
from firn_runtime.state.database import Database, Transaction, Value
from firn_runtime.state.keeper import Keeper
from firn_runtime.state.machine import Clocks, Identity
from firn_runtime.state.rows import Fence, JobRow, LockRow, RunRow, StepRow, WatermarkRow
from firn_runtime.state.schema import MADE_AT
from firn_schemas.base import Json

T = TypeVar("T")

_TOKENS = 2**20
"""More than the times that one lock is taken within a second."""

_RUN = "flow, run, artifact, environment, status, seed, started_at, finished_at, seconds, resumed, plan"
_RUN_KINDS: Sequence[Column] = (
    *(text, text, text, text, text, integer, text),
    *(optional_text, optional_real, integer, json_mapping),
)
_BEGIN = f"""
    INSERT INTO firn_runs ({_RUN}, position)
    SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(max(position), 0) + 1 FROM firn_runs WHERE true
    ON CONFLICT (flow, run) DO NOTHING"""
_RESUME = """
    UPDATE firn_runs SET status = 'RUNNING', finished_at = NULL, seconds = NULL, artifact = ?, plan = ?, resumed = ?
    WHERE flow = ? AND run = ?"""
_END = "UPDATE firn_runs SET status = ?, finished_at = ?, seconds = ? WHERE flow = ? AND run = ?"

_JOB = "job, status, fingerprint, seconds, error, outputs"
_JOB_KINDS: Sequence[Column] = (text, text, text, optional_real, json, json)
_PUT_JOB = f"""
    INSERT INTO firn_jobs (flow, run, {_JOB}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (flow, run, job) DO UPDATE SET status = excluded.status, fingerprint = excluded.fingerprint,
    seconds = excluded.seconds, error = excluded.error, outputs = excluded.outputs"""

_STEP = "job, step, status, attempt, fingerprint, started_at, seconds, row_count, byte_count, results, dataset, error"
_STEP_KINDS: Sequence[Column] = (
    *(text, text, text, integer, text, text),
    *(optional_real, optional_integer, optional_integer, json, optional_text, json),
)
_PUT_STEP = f"""
    INSERT INTO firn_steps (flow, run, {_STEP}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (flow, run, job, step) DO UPDATE SET status = excluded.status, attempt = excluded.attempt,
    fingerprint = excluded.fingerprint, started_at = excluded.started_at, seconds = excluded.seconds,
    row_count = excluded.row_count, byte_count = excluded.byte_count, results = excluded.results,
    dataset = excluded.dataset, error = excluded.error"""


class State:
    """The state in one database, for one process; thread-safe.

    Every write takes `guards`: unless each is its key's current fence, whose lease goes on, it raises LeaseLost and
    nothing is written. Every method raises StateError where the database fails. A write that was cut off may be done
    again by itself: each comes to the same, done once or twice.
    """

    def __init__(self, database: Database, here: Identity, clocks: Clocks) -> None:
        self.clocks = clocks
        self.keeper = Keeper(clocks.boot)
        self._database, self._here = database, here

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know of where the state lies."""
        return self._database.warnings

    def begin(self, run: RunRow, guards: Sequence[Fence]) -> None:
        """Record a run that begins; raise StateError where the flow has another run of this name. Durable."""
        values = (*run[:10], encoded(dict(run.plan)))

        def work(transaction: Transaction) -> None:
            locks.refuse_lost(transaction, guards)
            transaction.execute(_BEGIN, values)
            found = _find(transaction, run.flow, run.run)
            if found is None or (found.artifact, found.seed, found.started_at) != (
                run.artifact,
                run.seed,
                run.started_at,
            ):
                message = f"the flow `{run.flow}` has a run `{run.run}` already"
                raise StateError("R401", message, "resume it, or give this one another name")

        self._write(work, durable=True)

    def resume(
        self,
        flow: str,
        run: str,
        artifact: str,
        plan: Mapping[str, Json],
        guards: Sequence[Fence],
        moved: Sequence[WatermarkRow] = (),
    ) -> None:
        """Record that a run goes on under `artifact` and `plan`, and with it the watermarks that move. Durable."""
        before = self.find(flow, run)
        if before is None:
            raise StateError("R401", f"the flow `{flow}` has no run `{run}`", "`firn runs` lists those that are known")
        values = (artifact, encoded(dict(plan)), before.resumed + 1, flow, run)
        self._put(_RESUME, values, guards, durable=True, moved=moved)

    def step_started(self, flow: str, run: str, row: StepRow, guards: Sequence[Fence], *, durable: bool) -> None:
        """Record an attempt that begins. Where it is not `durable`, a crash of the machine may forget it."""
        self._put(_PUT_STEP, _of_step(flow, run, row), guards, durable=durable)

    def step_finished(
        self, flow: str, run: str, row: StepRow, guards: Sequence[Fence], moved: Sequence[WatermarkRow] = ()
    ) -> None:
        """Record how an attempt ended, and with it the watermarks that move; on the disk when this returns."""
        self._put(_PUT_STEP, _of_step(flow, run, row), guards, durable=True, moved=moved)

    def job_finished(self, flow: str, run: str, row: JobRow, guards: Sequence[Fence]) -> None:
        """Record how a job ended; a crash of the machine may forget it, never its steps."""
        values = (flow, run, *row[:4], encoded(row.error), encoded(row.outputs))
        self._put(_PUT_JOB, values, guards, durable=False)

    def run_finished(
        self, flow: str, run: str, status: str, finished_at: str, seconds: float, guards: Sequence[Fence]
    ) -> None:
        """Record how a run ended; on the disk when this returns."""
        self._put(_END, (status, finished_at, seconds, flow, run), guards, durable=True)

    def find(self, flow: str, run: str) -> RunRow | None:
        """Return one run."""
        return self._read(lambda transaction: _find(transaction, flow, run))

    def last(self, flow: str) -> str | None:
        """Return the run of this flow that began last, whatever the clock said."""
        runs = self.runs(flow, 1)
        return runs[0].run if runs else None

    def runs(self, flow: str | None = None, limit: int = 50) -> list[RunRow]:
        """Return the runs that began last, the latest first."""
        where, values = ("WHERE flow = ?", [flow]) if flow is not None else ("", [])
        statement = f"SELECT {_RUN} FROM firn_runs {where} ORDER BY position DESC, started_at DESC LIMIT ?"
        return self._rows(RunRow, _RUN_KINDS, statement, [*values, limit])

    def steps(self, flow: str, run: str) -> list[StepRow]:
        """Return the latest attempt of every step that was started, in the order of their starts."""
        statement = f"SELECT {_STEP} FROM firn_steps WHERE flow = ? AND run = ? ORDER BY started_at, job, step"
        return self._rows(StepRow, _STEP_KINDS, statement, (flow, run))

    def jobs(self, flow: str, run: str) -> list[JobRow]:
        """Return every job that ended, by name."""
        statement = f"SELECT {_JOB} FROM firn_jobs WHERE flow = ? AND run = ? ORDER BY job"
        return self._rows(JobRow, _JOB_KINDS, statement, (flow, run))

    def watermarks(self, flow: str) -> list[WatermarkRow]:
        """Return every watermark of a flow, by job and step."""
        return self._rows(WatermarkRow, watermarks.KINDS, watermarks.ALL, (flow,))

    def watermark(self, flow: str, job: str, step: str) -> WatermarkRow | None:
        """Return the watermark of an incremental read; None where it has none yet."""
        found = self._rows(WatermarkRow, watermarks.KINDS, watermarks.ONE, (flow, job, step))
        return found[0] if found else None

    def reset_watermark(self, flow: str, job: str, step: str, guards: Sequence[Fence]) -> None:
        """Forget a watermark. Durable."""
        self._put(watermarks.REMOVE, (flow, job, step), guards, durable=True)

    def acquire(self, key: str, owner: Mapping[str, Json], ttl: float) -> int | LockRow:
        """Take a lock for `ttl` seconds and return the new fencing token, or return who holds it.

        `owner` says what a person should read of the holder, such as its `run`; machine, process and time are added.
        """
        return self._write(locks.Attempt(key, owner, ttl, self._here), durable=True)

    def renew(self, fence: Fence, ttl: float) -> bool:
        """Begin a lease anew; return False where it is another's by now. Tried once: who renews tries again."""
        return self._write(lambda transaction: locks.renew(transaction, fence, ttl), durable=False, once=True)

    def name_owner(self, fence: Fence, owner: Mapping[str, Json]) -> None:
        """Say anew what a person should read of the holder; nothing happens where the lock is another's by now."""
        self._write(lambda transaction: locks.name_owner(transaction, fence, owner), durable=False)

    def release(self, fence: Fence) -> None:
        """Free a lock; nothing happens where it is another's by now."""
        self._write(lambda transaction: locks.release(transaction, fence), durable=False)

    def locks(self) -> list[LockRow]:
        """Return every lock that was taken and not released, those too that no longer keep anybody out."""
        return self._read(lambda transaction: locks.held(transaction, self._here))

    def break_lock(self, fence: Fence) -> LockRow | None:
        """Take a lock from this holder, so that it can write no more; return it as it was, None where it is another's
        or nobody's by now."""
        return self._write(locks.Break(fence, self._here), durable=True)

    def fence_of(self, fence: Fence) -> int:
        """Return the fence as a number for targets that outlive this state: those of a younger state are larger."""
        return self._rows(int, (integer,), MADE_AT, ())[0] * _TOKENS + fence.token

    def close(self) -> None:
        """Let go of the database. Leases are released before."""
        self.keeper.end()
        self._database.close()

    def _put(
        self,
        statement: str,
        values: Sequence[Value],
        guards: Sequence[Fence],
        *,
        durable: bool,
        moved: Sequence[WatermarkRow] = (),
    ) -> None:
        def work(transaction: Transaction) -> None:
            locks.refuse_lost(transaction, guards)
            transaction.execute(statement, values)
            for watermark in moved:
                watermarks.move(transaction, watermark)

        self._write(work, durable=durable)

    def _rows(self, row: Callable[..., T], kinds: Sequence[Column], statement: str, values: Sequence[Value]) -> list[T]:
        found = self._read(lambda transaction: transaction.execute(statement, values))
        try:
            return [row(*read(kinds, one)) for one in found]
        except Unreadable as error:
            self._refuse(error)

    def _write(self, work: Callable[[Transaction], T], *, durable: bool, once: bool = False) -> T:
        try:
            return self._database.write(work, durable=durable, once=once)
        except Unreadable as error:
            self._refuse(error)

    def _read(self, work: Callable[[Transaction], T]) -> T:
        try:
            return self._database.read(work)
        except Unreadable as error:
            self._refuse(error)

    def _refuse(self, error: Unreadable) -> NoReturn:
        raise self._database.damaged(str(error)) from None


def _find(transaction: Transaction, flow: str, run: str) -> RunRow | None:
    found: list[Any] = transaction.execute(f"SELECT {_RUN} FROM firn_runs WHERE flow = ? AND run = ?", (flow, run))
    return RunRow(*read(_RUN_KINDS, found[0])) if found else None


def _of_step(flow: str, run: str, row: StepRow) -> tuple[Value, ...]:
    return (flow, run, *row[:9], encoded(row.results), row.dataset, encoded(row.error))
