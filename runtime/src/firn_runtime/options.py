"""How a run is asked for, and what it takes from outside."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from firn_runtime.events import Listener
from firn_runtime.stop import Stop

LAST, AUTO = "last", "auto"


class Edge(NamedTuple):
    """What a run takes from outside, read once before it begins."""

    environ: Mapping[str, str]
    base_dir: Path
    listeners: Sequence[Listener] = ()
    stop: Stop | None = None
    run_id: str | None = None
    isolate: bool = False
    """In `enterprise`, take what is not the interpreter's own out of `sys.path`: the process is Firn's alone."""


class Options(NamedTuple):
    """How a run is asked for."""

    flow: str | None = None
    """Which flow, where the artifact has several."""
    expect: str | None = None
    """The only digest that is accepted; `FIRN_EXPECT_DIGEST` of the environment counts too."""
    signed_by: tuple[str, ...] = ()
    """Files of public keys; one key of each must have signed the artifact."""
    resume: str | None = None
    """A run's id, `last`, or `auto`: the last one where it is unfinished, else a new one."""
    from_changed: bool = False
    """Go on though the artifact is another one, with the steps that changed."""
    repeat_unsafe: bool = False
    """Do again what may have been done and cannot be taken back."""
    only: tuple[str, ...] = ()
    """Jobs and steps, as `JOB` or `JOB.STEP`; empty: all."""
    max_parallel: int | None = None
    """Jobs side by side; absent: as the artifact says."""
    fail_fast: bool = False
    """End everything as soon as one job has failed."""
    wait: float = 0
    """Seconds to wait for a lock that another run holds."""
    grace: float = 25
    """Seconds that steps at work may take after the run was asked to terminate."""


AS_USUAL = Options()
"""A new run of the artifact's only flow."""
