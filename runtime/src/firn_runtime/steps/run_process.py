"""The `run_process` step: one program, from its start to the end of all that it left in its process group."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import cast

from firn_runtime.connector import Program, Ran, Runnable
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.program_once import Once, once
from firn_schemas.base import Json
from firn_schemas.steps.programs import RunProcessInputs, Success


def run_process(inputs: RunProcessInputs, context: StepContext) -> StepResult:
    """Run the program unless it already ran; what it says is a result, as far as the state keeps it."""
    programs = cast(Runnable, context.resource(inputs.resource))

    def place(path: str) -> Path:
        return programs.place(path, inputs.cwd)

    recognised = once(inputs.idempotency, place, context)
    done = recognised.done()
    if done is not None:
        return _result(0, warning=f"the program was not started: `{done}` says that it already ran")
    try:
        recognised.begin()
        ran = _run(programs, inputs, recognised, place)
        recognised.publish()
    finally:
        recognised.end()
    return _result(ran.exit_code, ran.stdout, ran.stderr)


def _result(exit_code: int, stdout: str = "", stderr: str = "", warning: str = "") -> StepResult:
    results: dict[str, Json] = {"exit_code": exit_code, "stdout": stdout, "stderr": stderr}
    return StepResult(results=results, warnings=(warning,) if warning else ())


def _run(programs: Runnable, inputs: RunProcessInputs, recognised: Once, place: Callable[[str], Path]) -> Ran:
    """Return how the program ended; raise where that is no success."""
    success = inputs.success or Success()
    env = {**inputs.env, **recognised.env}
    ran = programs.run(Program(inputs.command, env, inputs.cwd, inputs.timeout, success.marker))
    problem = _problem(success, ran, lambda path: os.path.exists(recognised.where(place(path))))
    if problem is not None:
        raise ConnectorError("process", f"`{inputs.command[0]}` {problem}", _last_words(ran))
    return ran


def _last_words(ran: Ran) -> str:
    if ran.last_line:
        return f"its last line: {ran.last_line}"
    return "its last line is too long to be shown" if ran.stdout or ran.stderr else "it said nothing"


def _problem(success: Success, ran: Ran, exists: Callable[[str], bool]) -> str | None:
    if ran.exit_code not in success.exit_codes:
        if ran.exit_code < 0:
            return f"was ended by {_signal(-ran.exit_code)}"
        told = "" if ran.exit_code else ", which is no success here"
        return f"ended with exit code {ran.exit_code}{told}"
    for path in success.require_files or ():
        if not exists(path):
            return f"ended without the file `{path}`"
    for path in success.forbid_files or ():
        if exists(path):
            return f"ended with the file `{path}`, which must not be there"
    if success.marker is not None and not ran.marker_seen:
        return f"ended without saying `{success.marker}`"
    return None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
