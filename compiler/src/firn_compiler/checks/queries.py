"""One query of a step: its text without templates, what is wrong with it at its place in the flow, what it gives."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from firn_compiler.checks.dataset import Dataset, Each
from firn_compiler.checks.graph import elsewhere, may_follow
from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Document, Path, Scalar, Span, text_at
from firn_compiler.model.datasets import names_of
from firn_compiler.model.project import Flow, Job, Platform, Step
from firn_compiler.stages.expand import within
from firn_compiler.stages.settle import logical, resource
from firn_compiler.template import Constants
from firn_schemas.compute import DIALECTS

if TYPE_CHECKING:
    from firn_compiler.checks.sql_text import Text
    from firn_compiler.sql.analysis import Analysis

BINDING = frozenset(["duckdb", "mysql", "postgres"])
"""Dialects whose placeholders are known."""
STAND_INS = ("1", "firn")
"""What may stand for a template that cannot be read: a value or a name, the first with which the text is a query.

Where it is with neither, the last: a mistake away from the template is one whatever stands there.
"""
_UNREAD = frozenset(["E504", "E505"])
"""Problems of a query after which nothing is known of what comes out; nor is it of one that cannot be read."""
_UNQUOTED = "a text in SQL stands in quotes: write them around the template, such as `'{{ var.NAME }}'`"


class Asked(NamedTuple):
    """A query as it stands in a flow. `step` has the inputs in which it is; it may stand inside of `outer`."""

    job: Job
    outer: Step
    step: Step
    text: "Text"
    dialect: str
    resource: str = ""
    """The system that is asked; empty for the flow's own datasets."""

    @property
    def path(self) -> Path:
        """Where the query stands."""
        return (*self.step.inputs_path, "sql_file" if "sql_file" in self.step.inputs.entries else "sql")


class Answer(NamedTuple):
    """What a query gives, the relations that it reads, and those of them that it goes through once."""

    dataset: Dataset
    tables: tuple[str, ...]
    once: tuple[str, ...]
    found: list[Diagnostic]


class Queries:
    """Those of one flow."""

    def __init__(self, flow: Flow, platform: Platform | None, document: Document, constants: Constants) -> None:
        self._flow, self._platform, self._document, self._constants = flow, platform, document, constants
        engine = text_at(logical(flow, platform, "compute"), "type") or "duckdb"
        named = text_at(flow.root, "compute") not in (None, "default")
        self.dialect = "" if platform is None and named else DIALECTS.get(engine, "duckdb")
        """Of the flow's engine; empty where nobody can say."""
        self._others = frozenset(name for job in flow.jobs for step in job.steps for name in names_of(job.id, step.id))

    def dialect_of(self, name: str) -> str:
        """Return the dialect of a resource; empty where nobody can say before a platform is known."""
        settled = resource(self._flow, self._platform, name)
        if settled is None:
            return ""
        return (settled.row.dialect if settled.row else "") or self.dialect

    def inline(self, step: Step) -> "Text | None":
        """Return the SQL that stands in a step."""
        node = step.inputs.entries.get("sql")
        if not isinstance(node, Scalar):
            return None
        if isinstance(node.value, str):
            return self.text(node)
        return self.readable(partial(self.text, node)) if node.source is not None else None

    def text(self, node: Scalar, stand_in: str = "") -> "Text":
        """Return the SQL of a scalar."""
        from firn_compiler.checks.sql_text import Text, text_of  # for flows with SQL alone

        def at(start: int, end: int) -> Span:
            return within(node, self._document, start, end)

        return Text(str(node.value), at) if node.source is None else text_of(node.source, self._constants, at, stand_in)

    def readable(self, text: Callable[[str], "Text | None"]) -> "Text | None":
        """Return a text with a word in the place of each template that cannot be read, if there is any."""
        from firn_compiler.sql import analyse

        made = None
        for word in STAND_INS:
            made = text(word)
            if made is None or not made.guessed:
                break
            found = analyse(made.query, self.dialect or "duckdb", {}, closed=False)
            if not any(one.code == "E501" for one in found.problems):
                break
        return made

    def answer(self, asked: Asked, visible: Mapping[str, Dataset]) -> Answer:
        """Analyse a query, which reads the datasets that are `visible`, or tables of its resource."""
        from firn_compiler.sql import analyse  # for flows with SQL alone

        tables, kinds = Each(visible, attrgetter("columns")), Each(visible, attrgetter("kinds"))
        others = () if asked.resource else self._others
        closed = not asked.resource
        analysis = analyse(asked.text.query, asked.dialect, tables, closed=closed, kinds=kinds, others=others)
        codes = {one.code for one in analysis.problems}
        found = [*self._problems(asked, analysis), *_placeholders(asked, analysis, codes), *_cut(asked, analysis)]
        found += _twins(asked, analysis)
        wrong = asked.text.guessed or codes & _UNREAD
        origins = {
            column: frozenset(
                origin
                for table, name in pairs
                for origin in (visible[table].origin(name) if table in visible else [(asked.resource, table, name)])
            )
            for column, pairs in analysis.lineage.items()
        }
        reads = frozenset[Path]().union(*(visible[table].reads for table in analysis.tables if table in visible))
        dataset = Dataset(None if wrong else analysis.columns, origins, kinds=analysis.kinds, reads=reads)
        return Answer(dataset, analysis.tables, analysis.once, found)

    def _problems(self, asked: Asked, analysis: "Analysis") -> Iterator[Diagnostic]:
        """Yield what is wrong, but for what stands for a template, or right behind it."""
        text = asked.text
        for one in analysis.problems:
            if text.guessed.intersection(range(one.start - 2, one.end)):
                continue
            help = _UNQUOTED if (one.start, one.end) in text.templates and one.code == "E503" else one.help
            if one.code == "E502" and not asked.resource:
                name = text.query[one.start : one.end]
                if may_follow(self._flow, asked.job, name):
                    continue
                help = elsewhere(self._flow, asked.job, asked.outer, name) or help
            yield finding(one.code, one.message, text.place(one.start, one.end), help, asked.path)


def _placeholders(asked: Asked, analysis: "Analysis", codes: Collection[str]) -> Iterator[Diagnostic]:
    if asked.dialect in BINDING and "E501" not in codes:
        from firn_compiler.checks.placeholders import placeholders, used  # for flows with SQL alone

        named = used(asked.step, asked.text, asked.dialect, analysis.placeholders)
        yield from placeholders(asked.step, asked.text, named, asked.path)


def _cut(asked: Asked, analysis: "Analysis") -> Iterator[Diagnostic]:
    """Report a `limit` of an incremental read: it counts before the watermark does."""
    if analysis.cut and "incremental" in asked.step.inputs.entries:
        message = "the query cuts its rows off before the watermark is looked at, so later runs miss rows"
        help = "leave it out: what an incremental read gives is bounded by its watermark"
        yield finding("W310", message, asked.text.place(*analysis.cut), help, asked.path)


def _twins(asked: Asked, analysis: "Analysis") -> Iterator[Diagnostic]:
    """Report columns of a result that have the name of another one, which the engine gives another name."""
    for start, end in analysis.twins if asked.step.type != "check" else ():
        name = asked.text.query[start:end].strip('"`')
        help = "give it a name of its own: `… as NAME`"
        yield finding("W501", f"the result has another column `{name}`", asked.text.place(start, end), help, asked.path)
