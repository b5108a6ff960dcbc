"""`firn run`."""

import os
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

import click

from firn_runtime.commands.options import (
    Seconds,
    artifact_argument,
    base_folder,
    base_option,
    end,
    env_file_option,
    expect_option,
    flow_option,
    signature_option,
    snapshot,
)
from firn_runtime.options import AUTO, Edge, Options
from firn_runtime.outcome import RunResult
from firn_runtime.stop import Stop
from firn_schemas.visible import os_reason

INTERRUPTED, TERMINATED, LOCKED = 130, 143, 5


@click.command("run")
@artifact_argument
@flow_option
@expect_option
@signature_option
@base_option
@env_file_option
@click.option("--run-id", metavar="ID", help="Name the run; by default its time and a random part.")
@click.option("--resume", metavar="RUN", help="Go on with a run: its id, `last`, or `auto` (unfinished, else new).")
@click.option("--from-changed", is_flag=True, help="Resume with another artifact: what changed runs again.")
@click.option("--repeat-unsafe", is_flag=True, help="Resume also where a mail or request may go out twice.")
@click.option("--only", multiple=True, metavar="JOB[.STEP]", help="Only these jobs or steps; again for more.")
@click.option("--dry-run", is_flag=True, help="Everything but the work: say what would run.")
@click.option(
    "--max-parallel", type=click.IntRange(1, 256), metavar="N", help="Jobs side by side; by default as the flow says."
)
@click.option("--fail-fast", is_flag=True, help="End everything as soon as one job has failed.")
@click.option("--wait", type=Seconds(), default=0.0, metavar="SECONDS", help="Wait for a held lock.")
@click.option(
    "--grace",
    type=Seconds(),
    default=25.0,
    show_default=True,
    metavar="SECONDS",
    help="After SIGTERM, what steps at work may take.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", help="Lines for people, or one event a line."
)
@click.option("--events", type=click.Path(dir_okay=False), metavar="FILE", help="Append every event as a line of JSON.")
def command(artifact: str, base_dir: str, env_files: tuple[str, ...], run_id: str | None, **words: Any) -> None:
    """Run one flow of an artifact.

    ARTIFACT is `compiled_artifacts.json` by default.
    """
    from firn_runtime.redaction.core_dumps import no_core_dumps
    from firn_runtime.redaction.process import guard_for_good
    from firn_runtime.run import run_artifact

    no_core_dumps()
    guard_for_good()
    dry, log_format, events = (words.pop(name) for name in ("dry_run", "log_format", "events"))
    options = Options(expect=words.pop("expect_digest"), signed_by=words.pop("key_files"), **words)
    _refuse_mixed(options, run_id)
    with ExitStack() as opened:
        stop = _stopped_by_signals()
        listeners = [] if dry else _listeners(log_format, events, opened)
        edge = Edge(snapshot(env_files), base_folder(base_dir), listeners, stop, run_id, isolate=True)
        if dry:
            from firn_runtime.dry_run import plan_artifact

            _show(plan_artifact(Path(artifact), edge, options), log_format)
            end(0)
        result = run_artifact(Path(artifact), edge, options)
    end(exit_code(result))


def _refuse_mixed(options: Options, run_id: str | None) -> None:
    """Raise UsageError for options that would mean nothing beside each other."""
    if options.resume is None and (options.from_changed or options.repeat_unsafe):
        raise click.UsageError("`--from-changed` and `--repeat-unsafe` need `--resume`")
    if options.resume not in (None, AUTO) and run_id is not None:
        raise click.UsageError("a run that is resumed has its id; `--run-id` is for a new one")


def exit_code(result: RunResult) -> int:
    """Return how the process ends after this run."""
    if result.status == "SUCCESS":
        return 0
    if result.stopped is not None:
        return {"terminate": TERMINATED, "interrupt": INTERRUPTED}[result.stopped]
    codes = {error.code for job in result.jobs for error in (job.error, *(step.error for step in job.steps)) if error}
    return LOCKED if codes == {"R404"} else 1


def _stopped_by_signals() -> Stop:
    stop = Stop()

    def interrupt(*_: object) -> None:
        if stop.asked == "interrupt":
            os._exit(INTERRUPTED)
        stop.interrupt()

    signal.signal(signal.SIGTERM, lambda *_: stop.terminate())
    signal.signal(signal.SIGINT, interrupt)
    return stop


def _listeners(log_format: str, events: str | None, opened: ExitStack) -> list[Any]:
    if events is None:
        return [_shown(log_format)]
    if events == "-":
        raise click.UsageError("`--events` takes a file; `--log-format json` tells the same on standard output")
    from firn_runtime.observe.json_lines import JsonLines

    try:
        file = Path(events).open("ab")  # noqa: SIM115  # closed by the caller, after the run
    except OSError as error:
        raise click.UsageError(f"cannot write `{events}`: {os_reason(error)}") from None
    opened.callback(_close, file)
    return [_shown(log_format), JsonLines(file)]


def _close(events: BinaryIO) -> None:
    """Close the file. What it did not take was told in the run, and does not change how the run ended."""
    with suppress(OSError):
        events.close()


def _shown(log_format: str) -> Any:
    if log_format == "json":
        from firn_runtime.observe.json_lines import JsonLines

        return JsonLines(sys.stdout.buffer)
    if sys.stdout.isatty():
        try:
            from firn_runtime.observe.live import LiveProgress

            return LiveProgress()
        except ImportError:
            pass  # rich is an extra; without it a terminal gets plain lines
    from firn_runtime.observe.plain import PlainLines

    return PlainLines(sys.stdout)


def _show(plan: list[Any], log_format: str) -> None:
    if log_format == "json":
        from firn_runtime.commands.options import print_json

        print_json({"steps": [one._asdict() for one in plan]})
        return
    from firn_runtime.observe.words import aligned

    rows = [(f"{one.job}.{one.step}", one.type, one.resource or "", one.what) for one in plan]
    for line in aligned([("step", "type", "resource", "what would happen"), *rows], frozenset()):
        click.echo(line)
