"""Streams: a flow that asks for one where there can be none."""

from collections.abc import Iterator, Mapping

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Path, value_of
from firn_compiler.model.datasets import Reading
from firn_compiler.model.project import Flow, Platform
from firn_compiler.stages.streams import decisions


def streams(flow: Flow, platform: Platform | None, reads: Mapping[Path, Reading]) -> Iterator[Diagnostic]:
    """Report every `materialize: false` on a dataset that has to be materialised."""
    asked = [step for job in flow.jobs for step in job.steps if "materialize" in step.node.entries]
    decided = {one.step.path: one.reason for one in decisions(flow, platform, reads)} if asked else {}
    for step in asked:
        node = step.node.entries["materialize"]
        reason = decided.get(step.path, "it makes no dataset")
        if value_of(node) is False and reason:
            help = "remove `materialize`: the compiler streams what can be"
            message = f"`{step.id}` cannot be streamed: {reason}"
            yield finding("E316", message, node.span, help, (*step.path, "materialize"))
