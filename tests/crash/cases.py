"""One case: sessions that are hurt, one that is not, and what must hold at the end of every one of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from crash.judgement import Step, last_words, of_publications, of_records, of_session, of_the_end
from crash.points import Hurt, OnCall, Point
from crash.sessions import SESSIONS, Session
from crash.sinks import Look, done_steps, look
from crash.world import Place, World

_NEW = 2
"""Exit code of `--resume last` where the run had not begun: the flow has no run yet."""


class Verdict(NamedTuple):
    """What became of a case. `hurt` counts the sessions that were hurt; `wrong` says everything that does not hold."""

    point: Point
    hurt: int
    sessions: int
    wrong: tuple[str, ...]


class Expected(NamedTuple):
    """The undisturbed run."""

    end: Look
    events: tuple[str, ...]
    """Their names, in order."""
    seconds: float


def undisturbed(world: World, below: Path, state: str) -> Expected:
    """Run the flow once without a hurt, for what every case must come to."""
    with world.place(below, state) as place:
        session = SESSIONS["forked"](place, 0, None, None)
        if session.exit != 0:
            raise RuntimeError(f"the undisturbed run ended with {session.exit}: {last_words(session)}")
        names = tuple(str(one["event"]) for one in session.events)
        return Expected(look(world, place, whole=True), names, float(session.events[-1]["seconds"]))


def judged(world: World, expected: Expected, below: Path, point: Point) -> Verdict:
    """Run a case in an empty place."""
    try:
        with world.place(below, point.state) as place:
            return _Case(world, expected, place, point).run()
    except Exception as error:
        return Verdict(point, 0, 0, (f"the harness failed: {type(error).__name__}: {error}",))


class _Case:
    """One case in its place."""

    def __init__(self, world: World, expected: Expected, place: Place, point: Point) -> None:
        self.world, self.expected, self.place, self.point = world, expected, place, point
        self.wrong: list[str] = []
        self.sessions: list[Session] = []
        self.done: set[Step] = set()
        self.published: Mapping[str, str] = {}

    def run(self) -> Verdict:
        """Hurt as many sessions as the point says, then let one go to its end."""
        hurt = 0
        for one in self.point.hurts:
            session = self._session(one)
            hurt += session.exit != 0
            if session.exit == 0:
                break
        if self.sessions[-1].exit != 0:
            self._session(None)
        end = look(self.world, self.place, whole=True)
        self._say(of_publications(self.published, end.published))
        self._say(of_the_end(self.expected.end, end))
        if list((self.place.folder / "work").glob("*")) and not self._could_not_remove():
            self.wrong.append("the workspace was left")
        return Verdict(self.point, hurt, len(self.sessions), tuple(self.wrong))

    def _session(self, hurt: Hurt | None) -> Session:
        """Run a session; one that finds no run to go on with begins one."""
        session = self._run("last" if self.sessions else None, hurt)
        if session.exit == _NEW and "R406" in session.output:
            session = self._run(None, hurt)
        self._say(f"session {len(self.sessions)}: {one}" for one in of_session(session, hurt, self.done))
        if session.exit != 0:
            self._remember()
        return session

    def _run(self, resume: str | None, hurt: Hurt | None) -> Session:
        session = SESSIONS[self.point.command](self.place, len(self.sessions), resume, hurt)
        self.sessions.append(session)
        return session

    def _remember(self) -> None:
        """Keep what the session left behind."""
        done = done_steps(self.world, self.place, self.point.state)
        published = look(self.world, self.place, whole=False).published
        self._say(of_records(self.done, done))
        self._say(of_publications(self.published, published))
        self.done, self.published = self.done | done, published

    def _could_not_remove(self) -> bool:
        """Say whether removing failed, in the session that ended the run: what is left then does no harm."""
        last = self.point.hurts[len(self.sessions) - 1 :][:1]
        return any(isinstance(one, OnCall) and one.error and one.syscall in ("unlinkat", "rmdir") for one in last)

    def _say(self, sentences: Iterable[str]) -> None:
        self.wrong += sentences
