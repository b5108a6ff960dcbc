"""The report as text for people, and as JSON of a closed shape (schemas/preflight.schema.json)."""

from collections import Counter
from collections.abc import Mapping

from firn_runtime.observe.words import aligned
from firn_runtime.preflight import Report
from firn_runtime.probing import CheckStatus
from firn_schemas.base import Json
from firn_schemas.visible import visible

_WORDS: Mapping[CheckStatus, str] = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skipped": "skipped"}


def as_text(report: Report) -> str:
    """Return one line for each check, what helps below those that need it, and how many there were of each kind."""
    table = [(_WORDS[one.status], one.check, visible(one.subject), visible(one.message)) for one in report.checks]
    lines = [f"preflight of {report.flow}", report.artifact, ""]
    for line, one in zip(aligned(table, frozenset()), report.checks, strict=True):
        lines.append(line)
        if one.help and one.status != "ok":
            lines.append(f"  help: {visible(one.help)}")
    counts = Counter(one.status for one in report.checks)
    told = [f"{counts[status]} {word}" for status, word in _WORDS.items() if counts[status]]
    return "\n".join([*lines, "", ", ".join(told)]) + "\n"


def as_json(report: Report) -> Json:
    """Return the report as a JSON document."""
    checks: list[Json] = [dict(one._asdict()) for one in report.checks]
    return {"artifact": report.artifact, "flow": report.flow, "ok": report.ok, "checks": checks}
