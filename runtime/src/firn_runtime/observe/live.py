"""Progress on a terminal: finished steps stay, the running one moves. The one door to rich."""

import time

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from firn_runtime.events import Event
from firn_runtime.observe.words import HEADINGS, RIGHT, closing, complaint, counted, duration, summary
from firn_schemas.visible import visible

_STYLES = {"SUCCESS": "green", "FAILED": "bold red", "SKIPPED": "yellow", "BLOCKED": "yellow"}


class LiveProgress:
    """Shows the run as it goes on, and a table at the end."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.events: list[Event] = []
        self.steps: dict[tuple[str | None, str | None], float] = {}
        self.live = Live(console=self.console, refresh_per_second=12, transient=True, get_renderable=self._running)

    def __call__(self, event: Event) -> None:
        """Show what the event means to a person."""
        self.events.append(event)
        if event.name == "run.started":
            self._head(event)
            self.live.start()
        elif event.name == "step.started":
            self.steps[event.job, event.step] = time.monotonic()
        elif event.name == "step.finished":
            self.steps.pop((event.job, event.step), None)
            self._finished(event)
        elif event.name in ("step.reused", "step.retried"):
            self._aside(event)
        elif event.name == "job.finished" and event.status != "SUCCESS":
            self._finished(event)
        elif event.name == "warning":
            self.console.print(Text(f"warning: {event.message}", style="yellow"))
        elif event.name == "run.finished":
            self.live.stop()
            self._end(event)

    def _running(self) -> Spinner | Text:
        if not self.steps:
            return Text("")
        now = time.monotonic()
        words = [f"{job}.{step}  {duration(now - since)}" for (job, step), since in list(self.steps.items())]
        return Spinner("dots", Text("   ".join(words)), style="cyan")

    def _aside(self, event: Event) -> None:
        again = f"attempt {event.attempt} in {duration(event.seconds)}"
        what = "done before" if event.name == "step.reused" else again
        self.console.print(Text.assemble(("· ", "dim"), f"{event.job}.{event.step}", (f"  {what}", "dim")))
        for line in complaint(event):
            self.console.print(Text(f"  {line}", style="dim"))

    def _head(self, event: Event) -> None:
        detail = event.detail or {}
        environment = visible(str(detail.get("environment")))
        self.console.print(Text.assemble((event.flow, "bold"), f" for {environment}, run {event.run}"))
        self.console.print(Text(str(detail.get("artifact")), style="dim"))

    def _finished(self, event: Event) -> None:
        mark = {"SUCCESS": "✓", "FAILED": "✗"}.get(event.status or "", "–")
        after = (f"  {counted(event)}" if counted(event) else "") + f"  {duration(event.seconds)}"
        style = _STYLES[event.status or "SKIPPED"]
        self.console.print(Text.assemble((f"{mark} ", style), event.place, (after, "dim")))
        for line in complaint(event):
            self.console.print(Text(f"  {line}", style="red" if line.startswith("error") else ""))

    def _end(self, event: Event) -> None:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for number, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="right" if number in RIGHT else "left")
        for row in summary(self.events):
            table.add_row(*row[:2], Text(row[2], style=_STYLES.get(row[2], "")), *row[3:])
        self.console.print()
        self.console.print(table)
        self.console.print()
        self.console.print(Text(closing(event), style=_STYLES[event.status or "FAILED"]))
