"""One history: a source that changes day by day, a flow that goes on with it, and what goes wrong meanwhile.

After each session of a run, whatever became of it, the sinks and the watermark are compared with what is promised.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path

from crash.points import At, Hurt, OnEvent
from crash.sessions import Session
from histories.ground import Ground
from histories.judgement import Seen, judged
from histories.promise import Reading, due, reached, up_to
from histories.shapes import BAD, Row, changed, drawn

DAYS = 6
AGAIN = 4
"""How often the sessions of one day may be hurt; the next one is not."""


class History:
    """Everything follows from the seed, but for when exactly a kill comes that is no event's."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.flow = drawn(self.chance)
        self.ground = Ground(folder, self.flow)
        self.rows: dict[int, Row] = {}
        self.versions = count(1)
        self.tick = 6
        """The source's own time."""
        self.begin = self.last = Seen({one.step: Counter() for one in self.flow.sinks}, None)
        """What there was before the run's first session, and after its latest."""
        self.readings: list[Reading] = []
        """What the run may have read: the source may have been another one at each of its sessions."""
        self.run = ""
        """The run's id. A session that was killed right away may have begun another one without a word."""
        self.has_read = False
        """Whether the run's read has ended well."""
        self.undisturbed = True
        """Whether nothing befell the latest session."""
        self.told: list[str] = []
        """What has happened so far, for a person."""

    def wrong(self) -> list[str]:
        """Live through the days; return what is not as promised after the first session that left it so."""
        for day in range(1, DAYS + 1):
            self.told.append(f"day {day}")
            if day > 1 and self.chance.random() < 0.15:
                self._change_flow()
            self._change_source()
            for again in range(AGAIN + 1):
                session = self._session(may_be_hurt=again < AGAIN)
                if found := list(self._judged(session)):
                    return found
                if session.exit == 0:
                    self.begin, self.readings = self.last, []
                    break
                if self.chance.random() < 0.4:
                    self._change_source()
            else:
                return ["it does not come to an end"]
        return []

    def _change_flow(self) -> None:
        self.flow = changed(self.flow, self.chance)
        self.ground.use(self.flow)
        self.begin = self.last = self.ground.look()
        self.told.append(f"  the flow is another one: {self.flow}")

    def _change_source(self) -> None:
        """Add, change and remove rows: with later cursors, the latest one, earlier ones, and none."""
        for _ in range(self.chance.choice((0, 1, 2, 5))):
            self.tick += self.chance.choice((0, 1, 1, 4))
            tick = self.chance.choice((self.tick, self.tick, self.tick, self.tick - self.chance.randrange(12)))
            seen = self.flow.cursor.value(tick) if self.chance.random() < 0.9 else None
            number = self.chance.randrange(12)
            if self.chance.random() < 0.1:
                self.rows.pop(number, None)
            else:
                self.rows[number] = Row(next(self.versions), number, seen)
        self.told.append(f"  the source is {[tuple(map(str, row)) for row in self.rows.values()]}")

    def _session(self, *, may_be_hurt: bool) -> Session:
        """Run once: a new run, or the one that has not come to its end. Note what it may have read."""
        word = self.chance.choice(("new run", "goes on", "goes on in a fresh pod")) if self.readings else "new run"
        if any(row.id == BAD for reading in self.readings for row in reading):
            word = "new run"  # what it has read is what it has to check
        if word == "goes on in a fresh pod":
            self.ground.forget()
        hurt, obstacle = self._blow() if may_be_hurt else (None, "")
        self.told.append(f"  {word}, {hurt or obstacle or 'undisturbed'}")
        rows = [*self.rows.values()]
        if obstacle == "a bad row" and self.flow.checked:
            rows.append(Row(next(self.versions), BAD, self.flow.cursor.value(self.tick + 1)))
        self.ground.fill(rows)
        with self._put(obstacle):
            session = self.ground.run("auto" if word != "new run" else None, hurt)
        self._note([] if obstacle == "no source" else rows, session)
        self.undisturbed = hurt is None and not obstacle
        return session

    def _note(self, rows: list[Row], session: Session) -> None:
        """Note what the session may have read, if it came so far; what the run has once read, it does not go beyond."""
        begun = next((event for event in session.events if event["event"] == "run.started"), None)
        if begun is None:
            return
        if begun["run"] != self.run:
            self.run = begun["run"]
            self.begin, self.readings, self.has_read = self.last, [], False
        now = due(rows, self.begin.watermark, self.flow)
        again = [up_to(now, reached(one, None)) for one in self.readings]
        self.readings = list(dict.fromkeys([*self.readings, *again, *([] if self.has_read else [now])]))
        ends = [event for event in session.events if event["event"] == "step.finished"]
        self.has_read |= any(one["step"] == self.flow.read and one["status"] == "SUCCESS" for one in ends)

    def _put(self, obstacle: str) -> AbstractContextManager[None]:
        if obstacle == "no source":
            self.ground.empty()
        if obstacle == "a sink in the way":
            return self.ground.blocked(self.chance.choice(self.flow.sinks))
        return nullcontext()

    def _blow(self) -> tuple[Hurt | None, str]:
        """Return what befalls a session, if anything: when it is killed, or what stands in its way."""
        match self.chance.randrange(6):
            case 0:
                return OnEvent(self.chance.randrange(1, 16)), ""
            case 1:
                return At(self.chance.uniform(0, 0.5)), ""
            case 2:
                return None, self.chance.choice(("no source", "a sink in the way", "a bad row"))
            case _:
                return None, ""

    def _judged(self, session: Session) -> Iterator[str]:
        """Yield what is wrong after a session."""
        ended = session.exit == 0
        self.last = self.ground.look()
        self.told.append(f"    exit {session.exit}, watermark {self.last.watermark}")
        if session.hung or session.exit == 70 or "Traceback" in session.output:
            yield f"an internal error: {session.output}"
        if self.undisturbed and not ended:
            errors = [event["error"] for event in session.events if event.get("error")]
            yield f"it ended with {session.exit}: {errors or session.output}"
        yield from judged(self.flow, self.begin, self.last, self.readings, ended=ended)
