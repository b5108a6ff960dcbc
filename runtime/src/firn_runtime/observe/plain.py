"""Plain lines, for pipes and logs."""

from typing import TextIO

from firn_runtime.events import Event
from firn_runtime.observe.words import HEADINGS, aligned, closing, complaint, counted, duration, summary
from firn_schemas.visible import visible


class PlainLines:
    """Writes one line for each step that ends, and a table at the end."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Write what the event means to a person."""
        self.events.append(event)
        for line in self._lines(event):
            print(line, file=self.out, flush=True)  # this is the place where lines are written

    def _lines(self, event: Event) -> list[str]:
        if event.name == "run.started":
            detail = event.detail or {}
            environment = visible(str(detail.get("environment")))
            return [f"{event.flow} for {environment}, run {event.run}", f"{detail.get('artifact')}"]
        if event.name == "step.finished":
            count = f"  {counted(event)}" if counted(event) else ""
            return [f"{event.job}.{event.step}  {event.status}{count}  {duration(event.seconds)}", *complaint(event)]
        if event.name == "step.reused":
            return [f"{event.job}.{event.step}  {event.status}, done before"]
        if event.name == "step.retried":
            wait = f"attempt {event.attempt} in {duration(event.seconds)}"
            return [f"{event.job}.{event.step}  {wait}", *complaint(event)]
        if event.name == "job.finished" and event.status in ("SKIPPED", "BLOCKED", "FAILED"):
            return [f"{event.job}  {event.status}", *complaint(event)]
        if event.name == "warning":
            return [f"warning: {event.place + ': ' if event.place else ''}{event.message}"]
        if event.name == "run.finished":
            table = summary(self.events)
            return ["", *(aligned([HEADINGS, *table]) if table else []), "", closing(event)]
        return []
