"""How far one run's incremental reads may go on from, and which watermarks move when a step of the run ends.

A watermark moves in the transaction that records the last step that publishes the read's rows, or that the run goes on
under an artifact in which this was the last one. A read that is done again in the same run reads the same rows again:
what was published of them is recognised, and nothing else is.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from firn_runtime.errors import ConnectorError
from firn_runtime.plan import Place, Plan, results_of
from firn_runtime.state.rows import StepRow, WatermarkRow
from firn_runtime.step import Mark, Window, innermost
from firn_schemas.artifact import Flow
from firn_schemas.artifact import Watermark as Rule
from firn_schemas.base import Json

if TYPE_CHECKING:
    from firn_runtime.state import State


class Watermarks:
    """One run's; its methods may be called from several threads."""

    def __init__(self, state: "State", flow: str, run: str, definition: Flow, plan: Plan) -> None:
        self._state, self._flow, self._run, self._plan = state, flow, run, plan
        self._rules: dict[Place, Rule] = {}
        self._cursors: dict[Place, str] = {}
        for job in definition.jobs:
            for step in job.steps:
                if step.watermark is not None:
                    self._rules[job.id, step.id] = step.watermark
                    inputs = innermost(step.type, step.inputs)[1]
                    self._cursors[job.id, step.id] = inputs["incremental"]["cursor"]
        self._ended = {f"{job}.{step}" for job, step in plan.steps}
        self._read = {place: row for place, row in plan.steps.items() if place in self._rules}
        self._one_by_one = Lock()

    def window(self, job: str, step: str) -> Window:
        """Return after what an incremental read begins; raise ConnectorError for one that the artifact knows not."""
        rule = self._rules.get((job, step))
        if rule is None:
            help = "compile the flow with this version of firn-compiler"
            raise ConnectorError("data", "the artifact does not say when the watermark moves", help)
        before = self._plan.before(job, step)
        if before is not None:
            results = results_of(before.results)
            after, until = (_mark(results.get(key), results.get("watermark_type")) for key in ("since", "watermark"))
            return Window(after, until, repeated=True)
        kept = self._state.watermark(self._flow, job, step)
        if kept is None:
            return Window()
        if kept.meaning != rule.meaning:
            warning = f"what it reads, or its cursor, has changed since the run `{kept.run}`: it begins anew"
            return Window(warning=warning)
        return Window(Mark(kept.value, kept.type))

    @contextmanager
    def moved_by(self, row: StepRow) -> Iterator[Sequence[WatermarkRow]]:
        """Yield the watermarks that move with the end of a step, which the block records."""
        if not self._rules or row.status != "SUCCESS":
            yield ()
            return
        with self._one_by_one:
            place, name = (row.job, row.step), f"{row.job}.{row.step}"
            read = self._read | ({place: row} if place in self._rules else {})
            ended = self._ended | {name}
            concerned = [one for one in read if one == place or name in self._rules[one].moves_after]
            yield self._moved({one: read[one] for one in concerned}, ended)
            self._read, self._ended = read, ended

    def due(self) -> Sequence[WatermarkRow]:
        """Return the watermarks of reads whose rows no step is left to publish: those that were left are taken out."""
        return self._moved(self._read, self._ended)

    def _moved(self, reads: Mapping[Place, StepRow], ended: set[str]) -> Sequence[WatermarkRow]:
        """Return where the watermarks of those reads move whose rows are published when these steps have ended."""
        whole = [place for place in reads if ended.issuperset(self._rules[place].moves_after)]
        rows = [self._reached(place, reads[place]) for place in whole]
        return [row for row in rows if row is not None]

    def _reached(self, place: Place, row: StepRow) -> WatermarkRow | None:
        rule, results = self._rules[place], results_of(row.results)
        mark = _mark(results.get("watermark"), results.get("watermark_type"))
        if mark is None:
            return None
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return WatermarkRow(self._flow, *place, self._cursors[place], *mark, rule.meaning, self._run, at)


def _mark(value: Json, type: Json) -> Mark | None:
    return Mark(value, type) if isinstance(value, str) and isinstance(type, str) else None
