"""A run that ended before its end goes on where it stopped: what was done stays done, with its results and datasets."""

import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, Options, RunResult, run_artifact
from firn_runtime.errors import ArtifactRefused, FirnError, LeaseLost, UsageError
from firn_runtime.events import Event, Listener
from firn_runtime.state import Fence, State, lease, open_state
from runtime.artifacts import PRINT, job, payload, resource, spelled, step

MADE = step("made", "sql", sql="select range as n from range(3)")
COUNT = step("count", "query", resource="compute", sql="select count(*) as n, max(n) as top from made") | {
    "outputs": {"n": {"$ref": "result.rows[0].n"}}
}
READ = step("read", "read", resource="files", path="in.csv")
OUT = step("out", "write", resource="files", path="out.csv", mode="replace") | {
    "inputs": {"from": "made", "resource": "files", "path": "out.csv", "mode": "replace"}
}


def body(*jobs: dict[str, Any], **parts: Any) -> dict[str, Any]:
    names = {"files": "files", "compute": "compute"}
    resources = {"files": resource("files", "local", {"root": "."}), "compute": resource("compute", "duckdb", {})}
    return payload(*jobs, names=names, resources=resources, **parts)


class Session:
    """One session of a run, and what it told."""

    def __init__(
        self, folder: Path, artifact: dict[str, Any], *listeners: Listener, run_id: str | None = None, **options: Any
    ) -> None:
        self.events: list[Event] = []
        edge = Edge({}, folder, [self.events.append, *listeners], run_id=run_id)
        self.result: RunResult = run_artifact(spelled(artifact), edge, Options(**options))

    def steps(self, name: str) -> list[str]:
        """Return `job.step` of every event of this name."""
        return [f"{event.job}.{event.step}" for event in self.events if event.name == name]


def waiting(**more: Any) -> dict[str, Any]:
    """Return a flow whose second job fails until `in.csv` is there."""
    enough = {"$op": {"name": "==", "args": [{"$ref": "jobs.a.outputs.n"}, 3]}}
    return body(job("a", MADE, COUNT), job("b", READ, OUT, depends_on=["a"], when=enough), **more)


def test_what_was_done_is_not_done_again_and_its_results_and_datasets_are_there(tmp_path: Path) -> None:
    first = Session(tmp_path, waiting(), run_id="r1")
    assert (first.result.status, first.steps("step.started")) == ("FAILED", ["a.made", "a.count", "b.read"])
    (tmp_path / "in.csv").write_text("x\n1\n")
    second = Session(tmp_path, waiting(), resume="last")
    assert (second.result.status, second.result.run_id) == ("SUCCESS", "r1")
    assert second.steps("step.reused") == ["a.made", "a.count"]
    assert second.steps("step.started") == ["b.read", "b.out"]
    assert (tmp_path / "out.csv").read_text() == "n\n0\n1\n2\n"


def test_what_a_run_keeps_is_for_its_user_alone(tmp_path: Path) -> None:
    Session(tmp_path, waiting(workspace={"root": "work", "cleanup": "never"}), run_id="r1")
    assert (tmp_path / "work/flow.r1").stat().st_mode & 0o077 == 0
    assert (tmp_path / ".firn/state.db").stat().st_mode & 0o077 == 0


def test_a_run_that_is_done_has_nothing_left_to_do(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n1\n")
    Session(tmp_path, waiting())
    again = Session(tmp_path, waiting(), resume="last")
    assert (again.result.status, again.steps("step.started")) == ("SUCCESS", [])


def test_auto_goes_on_with_what_is_unfinished_and_begins_anew_after_a_success(tmp_path: Path) -> None:
    first = Session(tmp_path, waiting(), resume="auto")
    assert first.result.status == "FAILED"
    (tmp_path / "in.csv").write_text("x\n1\n")
    second = Session(tmp_path, waiting(), resume="auto")
    assert (second.result.run_id, second.result.status) == (first.result.run_id, "SUCCESS")
    third = Session(tmp_path, waiting(), resume="auto")
    assert third.result.run_id != first.result.run_id
    assert third.steps("step.started") == ["a.made", "a.count", "b.read", "b.out"]


def of_two_flows(flow: str) -> dict[str, Any]:
    """Return the artifact of one of two flows, whose steps have the same names; it fails until `in.csv` is there."""
    made = step("made", "sql", sql=f"select '{flow}' as who")
    out = OUT | {"inputs": OUT["inputs"] | {"path": f"{flow}.csv"}}
    flows = body(job("main", made, READ, out))
    flows["flows"] = {flow: flows["flows"]["flow"] | {"lock": {"key": f"flow:{flow}", "ttl_seconds": 60}}}
    return flows


def test_runs_of_two_flows_that_have_one_id_keep_to_their_own_datasets(tmp_path: Path) -> None:
    """Such as the id of what started both."""
    for flow in ("left", "right"):
        assert Session(tmp_path, of_two_flows(flow), run_id="r1").result.status == "FAILED"
    (tmp_path / "in.csv").write_text("x\n1\n")
    for flow in ("left", "right"):
        again = Session(tmp_path, of_two_flows(flow), resume="r1")
        assert (again.result.status, again.steps("step.reused")) == ("SUCCESS", ["main.made"])
        assert (tmp_path / f"{flow}.csv").read_text() == f"who\n{flow}\n"


def test_a_session_that_lost_its_lease_leaves_the_workspace_to_the_one_that_goes_on(tmp_path: Path) -> None:
    """Although it removes its own whatever happens."""
    artifact = body(job("a", MADE, COUNT), workspace={"root": "work", "cleanup": "always"})

    def lose(event: Event) -> None:
        if (event.name, event.step) == ("step.finished", "made"):
            with closing(open_state({"backend": "sqlite", "path": ".firn/state.db"}, tmp_path)) as state:
                assert state.break_lock(Fence("flow:flow", 1)) is not None
                assert state.acquire("flow:flow", {}, 60.0) == 2

    with pytest.raises(LeaseLost):
        Session(tmp_path, artifact, lose, run_id="r1")
    assert (tmp_path / "work/flow.r1/datasets.duckdb").exists()


class Before:
    """A run of the same flow, by another process, that holds the flow's lock while a session begins."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        Session(folder, waiting(), run_id="first")
        self.state = open_state({"backend": "sqlite", "path": ".firn/state.db"}, folder)
        token = self.state.acquire("flow:flow", {"flow": "flow", "run": "before"}, 60.0)
        assert isinstance(token, int)
        self.fence = Fence("flow:flow", token)
        self.is_waited_for = threading.Event()
        monkeypatch.setattr(lease, "_pause", self._pause)

    def _pause(self) -> float:
        self.is_waited_for.set()
        return 0.01

    def begin(self) -> None:
        row = self.state.find("flow", "first")
        assert row is not None
        self.state.begin(row._replace(run="before", status="RUNNING"), [self.fence])

    def end(self, status: str) -> None:
        self.state.run_finished("flow", "before", status, "2026-01-02T03:04:05+00:00", 1.0, [self.fence])

    def held_by(self) -> list[Any]:
        """Return the runs that hold the flow's lock, as `firn runs` sees them."""
        return [one.owner["run"] for one in self.state.locks() if one.held]


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED"])
@pytest.mark.parametrize("is_begun", [True, False])
def test_auto_that_waits_goes_by_how_the_other_run_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, is_begun: bool
) -> None:
    """What it expected when it came may be done by now, and what was not there may have to be gone on with."""
    (tmp_path / "in.csv").write_text("x\n1\n")
    before = Before(tmp_path, monkeypatch)
    if is_begun:
        before.begin()
    found: list[Session] = []
    holders: list[Any] = []

    def listen(event: Event) -> None:
        if event.name == "run.started":
            holders.extend(before.held_by())

    thread = threading.Thread(
        target=lambda: found.append(Session(tmp_path, waiting(), listen, resume="auto", wait=60.0))
    )
    thread.start()
    assert before.is_waited_for.wait(60)
    if not is_begun:
        before.begin()
    before.end(status)
    before.state.release(before.fence)
    thread.join()
    assert [one.result.status for one in found] == ["SUCCESS"]
    assert (found[0].result.run_id == "before") is (status == "FAILED")
    assert holders == [found[0].result.run_id]
    before.state.close()


def test_a_dataset_that_is_gone_is_made_again_where_something_still_needs_it(tmp_path: Path) -> None:
    Session(tmp_path, waiting())
    shutil.rmtree(tmp_path / ".firn/work")
    (tmp_path / "in.csv").write_text("x\n1\n")
    second = Session(tmp_path, waiting(), resume="last")
    assert second.result.status == "SUCCESS"
    assert second.steps("step.reused") == ["a.count"]
    assert second.steps("step.started") == ["a.made", "b.read", "b.out"]
    assert second.steps("warning") == ["a.made"]


def changed(print_: str, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [one | {"fingerprint": {"data": print_, "operation": "", "words": ""}} for one in steps]


def test_another_artifact_is_refused_and_what_changed_is_named(tmp_path: Path) -> None:
    Session(tmp_path, waiting(), run_id="r1")
    other = body(job("a", MADE, *changed("sha256:9", COUNT)), job("b", *changed("sha256:9", READ), depends_on=["a"]))
    with pytest.raises(ArtifactRefused) as caught:
        Session(tmp_path, other, resume="last")
    assert (caught.value.code, caught.value.exit_code) == ("R110", 3)
    assert "(changed: `a.count`, `b.read`; gone: `b.out`)" in caught.value.message


def test_from_changed_runs_what_changed_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n1\n")
    Session(tmp_path, waiting(workspace={"root": ".firn/work", "cleanup": "never"}))
    other = body(job("a", MADE, COUNT), job("b", *changed("sha256:9", READ, OUT), depends_on=["a"]))
    again = Session(tmp_path, other, resume="last", from_changed=True)
    assert again.steps("step.reused") == ["a.made", "a.count"]
    assert again.steps("step.started") == ["b.read", "b.out"]
    more = Session(tmp_path, other, resume="last")
    assert more.steps("step.started") == []


LATE = step("late", "read", resource="files", path="late.csv")
"""Fails until `late.csv` is there."""


def taken_away(*more: dict[str, Any]) -> dict[str, Any]:
    """Return a flow that publishes `in.csv`, does what is asked for, and takes `in.csv` and `also.csv` away."""
    fetched = step("fetched", "download", resource="files", files=["in.csv", "also.csv"], dest_dir="raw")
    read = step("read", "read", resource="workspace", path="raw/in.csv")
    out = step("out", "write", resource="files", path="out", format="csv", mode="append")
    out["inputs"]["from"] = "read"
    gone = step("gone", "delete_files", resource="files", files=["in.csv", "also.csv"])
    made = body(job("a", fetched, read, out, *more, gone))
    made["resources"]["workspace"] = resource("files", "workspace", {})
    made["flows"]["flow"]["resources"]["workspace"] = "workspace"
    return made


def needing() -> dict[str, Any]:
    """Return such a flow in which, before that, a step uses datasets that fails until `late.csv` is there."""
    told = step("told", "write", resource="files", path="told.csv", mode="replace")
    told["inputs"]["from"] = "late"
    return taken_away(LATE, told)


def bring(folder: Path) -> None:
    (folder / "in.csv").write_text("x\n1\n")
    (folder / "also.csv").write_text("x\n7\n")


@pytest.mark.parametrize("losses", [1, 2, 3])
def test_a_newer_file_is_not_taken_for_the_published_one_where_the_workspace_is_lost(
    tmp_path: Path, losses: int
) -> None:
    bring(tmp_path)
    Session(tmp_path, needing(), run_id="r1")
    (tmp_path / "in.csv").write_text("x\n22\n")
    for _ in range(losses):
        assert (tmp_path / "in.csv").read_text() == "x\n22\n"
        shutil.rmtree(tmp_path / ".firn/work")
        assert "a.fetched" in Session(tmp_path, needing(), resume="last").steps("step.started")
    (tmp_path / "late.csv").write_text("x\n1\n")
    last = Session(tmp_path, needing(), resume="last")
    assert last.result.status == "SUCCESS"
    told = [event.message for event in last.events if event.name == "warning"]
    assert told[-1] is not None
    assert told[-1].startswith("`in.csv` may be newer")
    assert not (tmp_path / "also.csv").exists()
    (tmp_path / "also.csv").write_text("x\n8\n")
    Session(tmp_path, needing())
    assert sorted(one.read_text() for one in (tmp_path / "out").iterdir()) == ["x\n1\n", "x\n22\n"]
    assert not (tmp_path / "in.csv").exists()


def test_the_published_files_are_taken_away_where_the_workspace_is_lost(tmp_path: Path) -> None:
    bring(tmp_path)
    Session(tmp_path, needing(), run_id="r1")
    shutil.rmtree(tmp_path / ".firn/work")
    (tmp_path / "late.csv").write_text("x\n1\n")
    assert Session(tmp_path, needing(), resume="last").result.status == "SUCCESS"
    assert not (tmp_path / "in.csv").exists()


@pytest.mark.parametrize("only", [(), ("a.gone",)])
def test_what_is_published_is_taken_away_without_being_fetched_again(tmp_path: Path, only: tuple[str, ...]) -> None:
    """A run that was killed within `delete_files` and lost its workspace finds no longer all that it has fetched."""
    bring(tmp_path)
    Session(tmp_path, taken_away(LATE))
    (tmp_path / "late.csv").write_text("x\n1\n")
    (tmp_path / "also.csv").unlink()
    shutil.rmtree(tmp_path / ".firn/work")
    last = Session(tmp_path, taken_away(LATE), resume="last", only=only)
    assert (last.result.status, last.steps("step.started")) == ("SUCCESS", ["a.late"] * (not only) + ["a.gone"])
    assert not (tmp_path / "in.csv").exists()
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_newer_file_stays_for_the_next_run_and_a_resumed_one_comes_to_its_end(tmp_path: Path, is_lost: bool) -> None:
    bring(tmp_path)
    Session(tmp_path, taken_away(LATE))
    (tmp_path / "late.csv").write_text("x\n1\n")
    (tmp_path / "in.csv").write_text("x\n22\n")
    if is_lost:
        shutil.rmtree(tmp_path / ".firn/work")
    last = Session(tmp_path, taken_away(LATE), resume="auto")
    told = [event.message for event in last.events if event.name == "warning" and event.step == "gone"]
    kept = "`in.csv` is not the file that this run has fetched: another took its place"
    assert (last.result.status, told) == ("SUCCESS", [f"{kept}; what is there stays, and the next run fetches it"])
    assert sorted(one.name for one in tmp_path.glob("*.csv")) == ["in.csv", "late.csv"]
    (tmp_path / "also.csv").write_text("x\n8\n")
    assert Session(tmp_path, taken_away(LATE), resume="auto").result.status == "SUCCESS"
    assert sorted(one.read_text() for one in (tmp_path / "out").iterdir()) == ["x\n1\n", "x\n22\n"]
    assert not (tmp_path / "in.csv").exists()


def test_a_file_that_is_gone_by_the_time_that_it_is_fetched_again_is_told_with_the_way_out(tmp_path: Path) -> None:
    bring(tmp_path)
    Session(tmp_path, needing(), run_id="r1")
    shutil.rmtree(tmp_path / ".firn/work")
    (tmp_path / "in.csv").unlink()
    error = Session(tmp_path, needing(), resume="last").result.jobs[0].steps[-1].error
    assert error is not None
    assert error.message == "there is no file `in.csv`"
    assert error.help.startswith("this run has fetched it before, and lost it with its workspace: ")


def test_a_skipped_job_stays_skipped_and_what_waits_for_it_blocked(tmp_path: Path) -> None:
    flow = body(job("a", MADE, when=False), job("b", MADE, depends_on=["a"]), job("c", READ))
    first = Session(tmp_path, flow)
    assert [one.status for one in first.result.jobs] == ["SKIPPED", "BLOCKED", "FAILED"]
    (tmp_path / "in.csv").write_text("x\n1\n")
    second = Session(tmp_path, flow, resume="last")
    assert [one.status for one in second.result.jobs] == ["SKIPPED", "BLOCKED", "SUCCESS"]
    assert second.steps("step.started") == ["c.read"]


def finding_nothing(**parts: Any) -> dict[str, Any]:
    """Return a flow whose first job is skipped as long as `in.csv` has no rows, and whose second fails."""
    careful = READ | {"on_no_data": "skip_job"}
    out = OUT | {"inputs": OUT["inputs"] | {"from": "read"}}
    return body(job("a", careful, out, **parts), job("b", step("late", "read", resource="files", path="late.csv")))


def test_a_job_that_found_nothing_does_not_go_on_without_data_when_its_end_was_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the two records leaves the step's end alone, and so may a crash of the machine."""
    (tmp_path / "in.csv").write_text("x\n")
    with monkeypatch.context() as patch:
        patch.setattr(State, "job_finished", lambda *_: None)
        Session(tmp_path, finding_nothing())
    second = Session(tmp_path, finding_nothing(), resume="last")
    assert [one.status for one in second.result.jobs] == ["SKIPPED", "FAILED"]


def test_a_job_that_found_nothing_looks_again_where_it_has_changed(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n")
    Session(tmp_path, finding_nothing())
    changed = finding_nothing(fingerprint=PRINT | {"data": "sha256:9"}) | {"environment": "other"}
    second = Session(tmp_path, changed, resume="last", from_changed=True)
    assert [one.status for one in second.result.jobs] == ["SKIPPED", "FAILED"]
    (tmp_path / "in.csv").write_text("x\n1\n")
    changed = finding_nothing(fingerprint=PRINT | {"data": "sha256:8"})
    third = Session(tmp_path, changed, resume="last", from_changed=True)
    assert [one.status for one in third.result.jobs] == ["SUCCESS", "FAILED"]
    assert (tmp_path / "out.csv").read_text() == "x\n1\n"


def test_what_cannot_be_taken_back_is_not_repeated_unasked(tmp_path: Path) -> None:
    unsafe = body(job("a", MADE, READ | {"repeatable": False}))
    Session(tmp_path, unsafe, run_id="r1")
    (tmp_path / "in.csv").write_text("x\n1\n")
    with pytest.raises(UsageError) as caught:
        Session(tmp_path, unsafe, resume="r1")
    assert (caught.value.code, caught.value.message) == (
        "R407",
        "`a.read` may have been done before the run ended, and cannot be taken back",
    )
    assert Session(tmp_path, unsafe, resume="r1", repeat_unsafe=True).result.status == "SUCCESS"


def test_only_takes_what_it_needs_from_the_run_that_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n1\n")
    Session(tmp_path, waiting(workspace={"root": ".firn/work", "cleanup": "never"}), only=("a",))
    part = Session(tmp_path, waiting(workspace={"root": ".firn/work", "cleanup": "never"}), only=("b",), resume="last")
    assert (part.result.status, part.steps("step.started")) == ("SUCCESS", ["b.read", "b.out"])
    assert [one.id for one in part.result.jobs] == ["b"]


@pytest.mark.parametrize("resume", [None, "last"], ids=["never made", "made and removed with the workspace"])
def test_only_names_the_step_whose_dataset_is_written_and_not_there(tmp_path: Path, resume: str | None) -> None:
    flow = body(job("a", MADE, OUT))
    Session(tmp_path, flow, only=("a.made",))
    with pytest.raises(UsageError) as caught:
        Session(tmp_path, flow, only=("a.out",), resume=resume)
    assert (caught.value.code, caught.value.message) == ("R002", "`a.out` needs `a.made`, which is not asked for")
    assert Session(tmp_path, flow, only=("a.out", "a.made"), resume=resume).result.status == "SUCCESS"


def test_only_takes_a_dataset_that_is_kept(tmp_path: Path) -> None:
    flow = body(job("a", MADE, OUT), workspace={"root": ".firn/work", "cleanup": "never"})
    Session(tmp_path, flow, only=("a.made",))
    assert Session(tmp_path, flow, only=("a.out",), resume="last").steps("step.started") == ["a.out"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"resume": "last"}, "R406", "the flow `flow` has no run yet"),
        ({"resume": "r9"}, "R406", "the flow `flow` has no run `r9`"),
        ({"only": ("x",)}, "R002", "the flow has no `x`"),
        ({"only": ("a.x",)}, "R002", "the flow has no `a.x`"),
        ({"only": ("b",)}, "R002", "`b` needs `a`, which is not asked for"),
    ],
)
def test_what_is_not_there_is_said_before_anything_runs(
    tmp_path: Path, options: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(FirnError) as caught:
        Session(tmp_path, waiting(), **options)
    assert (caught.value.code, caught.value.message, caught.value.exit_code) == (code, message, 2)


def test_a_step_that_is_named_without_its_job_is_told_the_whole_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Session(tmp_path, waiting(), only=("read",))
    assert caught.value.help == "there is `a`, `b`; did you mean `b.read`?"


def test_a_run_id_is_used_once(tmp_path: Path) -> None:
    Session(tmp_path, waiting(), run_id="r1")
    with pytest.raises(UsageError) as caught:
        Session(tmp_path, waiting(), run_id="r1")
    assert (caught.value.code, caught.value.help) == ("R003", "`--resume r1` goes on with it")


@pytest.mark.parametrize("run_id", ["../../../kept", "/kept", "a/b", "", "..", "a\n", "x" * 100])
def test_a_run_id_that_could_lead_out_of_the_workspace_is_refused(tmp_path: Path, run_id: str) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(UsageError) as caught:
        Session(tmp_path, waiting(), run_id=run_id)
    assert caught.value.code == "R003"
    assert (tmp_path / "kept").is_dir()
