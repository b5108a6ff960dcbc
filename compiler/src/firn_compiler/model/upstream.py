"""What jobs make, as the jobs behind them see it."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from firn_compiler.model.graph import ordered, upstream
from firn_compiler.model.project import Flow, Job

T = TypeVar("T")


class Upstream(Generic[T]):
    """Things that the jobs of a flow make, by name; a job sees those of the jobs it depends on, however far away.

    Which jobs those are is one number for each job, whose bits are places in the flow: a thousand jobs in a row are
    half a million pairs.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.made: dict[str, dict[str, T]] = {}
        """Of each job, as far as it is added."""
        self.makers: dict[str, list[str]] = {}
        """Of each name the jobs that make something of it."""
        self.places = {job.id: 1 << at for at, job in enumerate(flow.jobs)}
        self.before: dict[str, int] = {}
        for job in ordered(flow.jobs):
            parents = [name for name, _ in job.depends_on if name in self.places]
            if all(name in self.before for name in parents):
                self.before[job.id] = 0
                for name in parents:
                    self.before[job.id] |= self.before[name] | self.places[name]
            else:  # a job that waits for itself
                self.before[job.id] = sum(self.places[name] for name in {one.id for one in upstream(flow, job)})

    def add(self, job: str, name: str, thing: T) -> None:
        """Note what a job makes."""
        made = self.made.setdefault(job, {})
        if name not in made:
            self.makers.setdefault(name, []).append(job)
        made[name] = thing

    def seen_by(self, job: Job, own: Mapping[str, T]) -> Mapping[str, T]:
        """Return what a job sees: its own things, and those of the jobs it depends on; of two the nearer job's."""
        return _Seen(self, job, own)


class _Seen(Mapping[str, T]):
    def __init__(self, all_: Upstream[T], job: Job, own: Mapping[str, T]) -> None:
        self._all, self._job, self._own = all_, job, own

    def __getitem__(self, name: str) -> T:
        if name in self._own:
            return self._own[name]
        before = self._all.before[self._job.id]
        makers = [one for one in self._all.makers.get(name, ()) if self._all.places[one] & before]
        if len(makers) > 1:
            makers = [one.id for one in self._parents() if one.id in makers]
        return self._all.made[makers[0]][name] if makers else self._own[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names, those of the farthest job first."""
        seen = dict.fromkeys(name for parent in reversed(self._parents()) for name in self._all.made.get(parent.id, {}))
        yield from seen | dict.fromkeys(self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _parents(self) -> list[Job]:
        return upstream(self._all.flow, self._job)
