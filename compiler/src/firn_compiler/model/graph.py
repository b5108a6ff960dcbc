"""The order of jobs: who waits for whom, in time that grows with the number of jobs and dependencies."""

from heapq import heapify, heappop, heappush

from firn_compiler.model.project import Flow, Job


def ordered(jobs: tuple[Job, ...]) -> list[Job]:
    """Return the jobs so that dependencies come first; among those that could run, the order of the file.

    Jobs that wait for each other, or for one that is not there, come last, in the order of the file.
    """
    place = {job.id: index for index, job in enumerate(jobs)}
    waits = [{name for name, _ in job.depends_on} for job in jobs]
    waiting = [len(names) for names in waits]
    followers: dict[str, list[int]] = {}
    for index, names in enumerate(waits):
        for name in names:
            followers.setdefault(name, []).append(index)
    ready = [index for index, number in enumerate(waiting) if number == 0]
    heapify(ready)
    done: list[Job] = []
    while ready:
        index = heappop(ready)
        done.append(jobs[index])
        for follower in followers.get(jobs[index].id, ()) if place[jobs[index].id] == index else ():
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heappush(ready, follower)
    left = {id(job) for job in jobs} - {id(job) for job in done}
    return [*done, *(job for job in jobs if id(job) in left)]


def upstream(flow: Flow, job: Job) -> list[Job]:
    """Return the jobs that `job` depends on, directly and through others, the nearest first."""
    known: dict[str, list[Job]] = {}
    for one in flow.jobs:
        known.setdefault(one.id, []).append(one)  # two of one name, which another finding says
    waiting = [name for name, _ in job.depends_on]
    found: dict[str, list[Job]] = {}
    for name in waiting:
        if name in known and name not in found and name != job.id:
            found[name] = known[name]
            waiting += [parent for one in known[name] for parent, _ in one.depends_on]
    return [one for jobs in found.values() for one in jobs]


def cycles(flow: Flow) -> list[list[str]]:
    """Return every group of jobs that wait for each other, as the shortest way from its first job back to itself."""
    parents = {job.id: [name for name, _ in job.depends_on] for job in flow.jobs}
    found: list[list[str]] = []
    seen: set[str] = set()
    for name in _stuck(flow.jobs):
        cycle = [] if name in seen else _way_back(name, parents)
        if cycle:
            found.append(cycle)
            seen.update(cycle)
    return found


def _stuck(jobs: tuple[Job, ...]) -> list[str]:
    """Return the jobs that are on a cycle, or between two: no order reaches them from either end."""
    waits = {job.id: [name for name, _ in job.depends_on] for job in jobs}
    followers: dict[str, list[str]] = {name: [] for name in _left(waits)}
    for name in followers:
        for parent in waits[name]:
            if parent in followers:
                followers[parent].append(name)
    return _left(followers)


def _left(waits: dict[str, list[str]]) -> list[str]:
    """Return those that still wait after everything that can go has gone; what is not there is not waited for."""
    number = {name: len({one for one in names if one in waits}) for name, names in waits.items()}
    followers: dict[str, list[str]] = {}
    for name, names in waits.items():
        for one in set(names):
            followers.setdefault(one, []).append(name)
    ready = [name for name, count in number.items() if count == 0]
    for name in ready:
        for follower in followers.get(name, ()):
            number[follower] -= 1
            if number[follower] == 0:
                ready.append(follower)
    return [name for name, count in number.items() if count > 0]


def _way_back(start: str, parents: dict[str, list[str]]) -> list[str]:
    """Return the shortest way from a job back to itself, or nothing."""
    came_from: dict[str, str] = {}
    ways = [start]
    for name in ways:
        for parent in parents.get(name, []):
            if parent == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1] if len(way) > 2 else [start, start]
            if parent not in came_from:
                came_from[parent] = name
                ways.append(parent)
    return []
