"""What a resumed run does again: what is gone is made anew where a step that is left to do may need it."""

from typing import Any

import pytest

from firn_runtime.plan import Past, kept
from firn_runtime.state.rows import RunRow, StepRow
from firn_schemas.artifact import Flow
from firn_schemas.decode import decode
from runtime.artifacts import job, payload, step

FETCHED = step("fetched", "download", resource="shop", files=["in/a"], dest_dir="raw")
RUN = RunRow("flow", "r1", "sha256:1", "dev", "FAILED", 1, "2026-03-01T06:00:00+00:00")
DELETION: dict[str, Any] = {"resource": "shop", "files": ["in/a"]}
MAIL: dict[str, Any] = {"resource": "post", "to": "a@b.example", "subject": "done"}


def made_again(*jobs: dict[str, Any]) -> bool:
    """Say whether the download is done again of which nothing is there any more."""
    flow: Flow = decode(Flow, payload(*jobs)["flows"]["flow"])
    row = StepRow("a", "fetched", "SUCCESS", 1, flow.jobs[0].steps[0].fingerprint.data, RUN.started_at)
    _, gone = kept(flow, Past(RUN, {("a", "fetched"): row}, {}), lambda *_: True)
    return ("a", "fetched") in gone


@pytest.mark.parametrize(
    ("type", "inputs", "expected"),
    [
        ("delete_files", DELETION, False),
        ("with_lock", {"key": "k", "step": {"type": "delete_files", "inputs": DELETION}}, False),
        ("delete_files", DELETION | {"resource": "workspace"}, True),
        ("list_files", {"resource": "shop"}, False),
        ("check_items", {"items": []}, False),
        ("read", {"resource": "shop", "path": "b.csv"}, False),
        ("read", {"resource": "workspace", "path": "raw/a"}, True),
        ("send_mail", MAIL, False),
        ("send_mail", MAIL | {"attachments": ["raw/a"]}, True),
        ("upload", {"resource": "shop", "files": ["raw/a"], "dest_path": "b"}, True),
        ("sql", {"sql": "select 1"}, True),
        ("acme.score", {}, True),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_what_is_gone_is_made_again_for_a_step_that_may_need_it(
    type: str, inputs: dict[str, Any], expected: bool, jobs: int
) -> None:
    left = step("left", type, **inputs)
    chain = [job("a", FETCHED), *[job(name, depends_on=[before]) for before, name in ("ab", "bc")][: jobs - 1]]
    chain[-1]["steps"].append(left)
    assert made_again(*chain) is expected
