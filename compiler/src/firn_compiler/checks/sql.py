"""SQL: what is wrong with it, at its place in the flow; and of every dataset its columns and where they come from."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from firn_compiler.checks.dataset import Dataset
from firn_compiler.checks.graph import may_follow, of_a_job
from firn_compiler.checks.queries import Asked, Queries
from firn_compiler.checks.watermarks import Watermarks
from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import Diagnostic, finding, suggestion
from firn_compiler.document import (
    EMPTY,
    Document,
    Path,
    Scalar,
    each_at,
    items_at,
    lookup,
    mapping_at,
    stands_alone,
    text_at,
    value_of,
    walk,
)
from firn_compiler.document import Mapping as MappingNode
from firn_compiler.model.datasets import Reading, is_brought, makes_dataset, names_of, taken
from firn_compiler.model.graph import ordered
from firn_compiler.model.project import Flow, Platform, Step
from firn_compiler.model.upstream import Upstream
from firn_compiler.stages.expand import templates_in
from firn_compiler.template import Constants
from firn_schemas.base import JsonObject
from firn_schemas.connectors import WORKSPACE

if TYPE_CHECKING:
    from firn_compiler.checks.sql_text import Text

Texts = Callable[[Step, str], "Text | None"]
"""Returns the SQL of a step's `sql_file`, with a word for each template that cannot be read."""


class Known(NamedTuple):
    """What the SQL of a flow says: findings, and by step what the artifact records and what is read."""

    found: list[Diagnostic]
    facts: dict[Path, JsonObject]
    reads: dict[Path, Reading]
    """Of each step the flow's datasets."""
    tables: dict[Path, tuple[str, ...]]
    """Of each query the relations, by its step."""
    made: dict[str, dict[str, Dataset]]
    """Of each job the datasets, by the names that SQL may use."""


def sql(flow: Flow, platform: Platform | None, document: Document, constants: Constants, files: Texts) -> Known:
    """Check every query of a flow, and follow the columns of its datasets."""
    return _Reader(flow, platform, document, constants, files).read()


class _Reader:
    def __init__(
        self, flow: Flow, platform: Platform | None, document: Document, constants: Constants, files: Texts
    ) -> None:
        self.flow, self.files = flow, files
        self.queries = Queries(flow, platform, document, constants)
        self.datasets: Upstream[Dataset] = Upstream(flow)
        self.known = Known([], {}, {}, {}, self.datasets.made)
        self.watermarks = Watermarks()
        self.documents = {document.file: document}

    def read(self) -> Known:
        for job in ordered(self.flow.jobs):
            self.job = job
            self.watermarks.begin(job)
            named: dict[str, Dataset] = {}
            visible = self.datasets.seen_by(job, named)
            for outer in job.steps:
                self.outer, step = outer, outer.innermost
                dataset = self.step(step, visible)
                if makes_dataset(outer):
                    made = dict.fromkeys(names_of(job.id, outer.id), self.followed(outer, dataset or Dataset()))
                    named |= made
                    for name, one in made.items():
                        self.datasets.add(job.id, name, one)
                else:
                    wrote = dataset or Dataset()
                    self.known.found.extend(self.watermarks.publishes(job, outer, wrote.reads, wrote.kinds))
                self.record(outer, dataset)
        for path, steps in self.watermarks.moves.items():
            rule: JsonObject = {"moves_after": [*steps], "tables": [*self.known.tables.get(path, ())]}
            self.known.facts[path] = self.known.facts.get(path, {}) | {"watermark": rule}
        return self.known

    def followed(self, step: Step, dataset: Dataset) -> Dataset:
        """Return a dataset that says by which incremental read it is made, where it is by one."""
        if not self.watermarks.follows(step):
            return dataset
        self.known.tables[step.path] = self.known.tables.get(step.innermost.path, ())
        return dataset._replace(reads=dataset.reads | {step.path})

    def record(self, step: Step, dataset: Dataset | None) -> None:
        """Note what the artifact says of a step's dataset."""
        if dataset is None:
            return
        facts: JsonObject = {}
        if dataset.columns is not None and "" not in dataset.columns:
            facts["columns"] = [*dataset.columns]
        names = dataset.columns if dataset.columns is not None else tuple(sorted(dataset.origins))
        lineage: JsonObject = {
            name: [{"resource": r, "dataset": d, "column": c} for r, d, c in sorted(origin)]
            for name in names
            if (origin := dataset.origin(name))
        }
        facts |= {"lineage": lineage} if lineage else {}
        if facts:
            self.known.facts[step.path] = facts

    def reads(self, names: Iterable[str], once: Iterable[str] = ()) -> None:
        """Note that the step at hand reads these datasets, and which of them it goes through once."""
        before = self.known.reads.get(self.outer.path, Reading())
        self.known.reads[self.outer.path] = before.more(names, once)

    def source(self, step: Step, visible: Mapping[str, Dataset], *, once: bool) -> Dataset | None:
        """Note that the step reads what its `from` names; return what is known of it."""
        name = (text_at(step.inputs, "from") or "").lower()
        self.reads([name], [name] if once else ())
        if name in visible:
            return visible[name]
        meant = misspelt(name, [one for one in visible if "." not in one])
        return visible[meant] if meant and not may_follow(self.flow, self.job, name) else None

    def step(self, step: Step, visible: Mapping[str, Dataset]) -> Dataset | None:
        """Check a step's SQL and columns; return the dataset that it makes or writes."""
        return _BY_TYPE.get(step.type, _Reader.other_step)(self, step, visible)

    def read_step(self, step: Step, _: Mapping[str, Dataset]) -> Dataset:
        name = text_at(step.inputs, "resource") or ""
        columns = _columns(step)
        kinds = _kinds(step)
        text = self.queries.inline(step)
        if text is not None:
            made = self.query(step, text, {}, dialect=self.queries.dialect_of(name), resource=name)
            for item in items_at(step.inputs, "columns"):
                self.column(item, made, step)
            schema = mapping_at(step.inputs, "schema")
            for key, span in schema.keys.items() if schema is not None else ():
                self.column(Scalar(key, span), made, step)
            made = (made if columns is None else made._replace(columns=columns))._replace(kinds=kinds)
            self.cursor(step, made)
            return made
        self.cursor(step, Dataset(columns, kinds=kinds))
        place = text_at(step.inputs, "table") or text_at(step.inputs, "path")
        place = place or text_at(mapping_at(step.inputs, "request"), "path")
        if place is None:
            return Dataset(columns, kinds=kinds)
        origins = {column: frozenset([(name, place, column)]) for column in columns or ()}
        reads = self.watermarks.filed[self.job.id] if name == WORKSPACE[1] else frozenset[Path]()
        return Dataset(columns, origins, (name, place), kinds, reads)

    def cursor(self, step: Step, dataset: Dataset) -> None:
        self.column(lookup(step.inputs, ("incremental", "cursor")), dataset, step)
        if dataset.kinds and "incremental" in step.inputs.entries:
            from firn_compiler.checks.expected import begun  # for flows that say types alone

            self.known.found.extend(begun(step, dataset.kinds))

    def sql_step(self, step: Step, visible: Mapping[str, Dataset]) -> Dataset:
        text = self.queries.inline(step) or self.queries.readable(partial(self.files, step))
        if text is None:
            return Dataset()
        return self.query(step, text, visible, dialect=self.queries.dialect)

    def query_step(self, step: Step, visible: Mapping[str, Dataset]) -> None:
        text, name = self.queries.inline(step), text_at(step.inputs, "resource") or ""
        if text is None:
            return
        if name == "compute":
            made = self.query(step, text, visible, dialect=self.queries.dialect)
        else:
            made = self.query(step, text, {}, dialect=self.queries.dialect_of(name), resource=name)
        self.outputs(step, made)

    def other_step(self, step: Step, visible: Mapping[str, Dataset]) -> Dataset | None:
        """Return what is known of a plug-in's step: which rows may be in what comes of it.

        They are those of the datasets that its inputs name, wherever, and of the run's files.
        """
        if not is_brought(step):
            return None
        values = [node.value for _, node in walk(step.inputs) if isinstance(node, Scalar)]
        texts = {value.lower() for value in values if isinstance(value, str)}
        named = [visible[name].reads for name in texts if name in visible]
        return Dataset(reads=self.watermarks.filed[self.job.id].union(*named))

    def outputs(self, step: Step, made: Dataset) -> None:
        """Report outputs that name a column which the query does not give."""
        for path, node in walk(step.outputs) if made.columns is not None else ():
            for reference, span in templates_in(node, self.documents) if isinstance(node, Scalar) else ():
                named = re.fullmatch(r"result\.rows\[\d+\]\.([^.\[\]]+).*", reference)
                if named and not made.has(named[1]):
                    help = suggestion(named[1], made.names(), "columns:")
                    message = f"the query gives no column `{named[1]}`"
                    self.known.found.append(finding("E503", message, span, help, (*step.path, "outputs", *path)))

    def write_step(self, step: Step, visible: Mapping[str, Dataset]) -> Dataset | None:
        dataset = self.source(step, visible, once=True)
        for key in ("keys", "partition_by"):
            for item in items_at(step.inputs, key):
                self.column(item, dataset, step)
        return dataset

    def export_step(self, step: Step, visible: Mapping[str, Dataset]) -> Dataset | None:
        dataset = self.source(step, visible, once=True)
        for item in items_at(step.inputs, "columns"):
            self.column(item, dataset, step)
        return dataset

    def mail_step(self, step: Step, visible: Mapping[str, Dataset]) -> Dataset | None:
        """Return what is known of all the datasets that a message takes along: each is gone through once."""
        names = [name for _, node in taken(step) if isinstance(name := node.value, str)]
        for name in names:
            self.reads([name.lower()], [name.lower()])
        found = [visible[name.lower()].reads for name in names if name.lower() in visible]
        return Dataset(reads=frozenset[Path]().union(*found)) if found else None

    def check_step(self, step: Step, visible: Mapping[str, Dataset]) -> None:
        dataset = self.source(step, visible, once=False)
        for index, item in enumerate(items_at(step.inputs, "expectations")):
            if not isinstance(item, MappingNode):
                continue
            for node in _columns_of(item):
                self.column(node, dataset, step)
            other = mapping_at(item, "relationship")
            if other is not None:
                self.relationship(other, visible, step)
            text = item.entries.get("sql")
            if isinstance(text, Scalar) and isinstance(text.value, str):
                inner = step._replace(inputs=item, inputs_path=(*step.inputs_path, "expectations", index))
                self.query(inner, self.queries.text(text), visible, dialect=self.queries.dialect)
        if dataset is not None and dataset.kinds:
            from firn_compiler.checks.expected import expected  # as above

            self.known.found.extend(expected(step, dataset.kinds))

    def relationship(self, node: MappingNode, visible: Mapping[str, Dataset], step: Step) -> None:
        to = node.entries.get("to")
        name = text_at(node, "to")
        if to is None or name is None:
            return
        self.reads([name.lower()])
        names = [one for one in visible if "." not in one]
        if name.lower() not in names:
            message = f"no earlier step makes the dataset `{name}`"
            path = (*step.inputs_path, "expectations")
            help = of_a_job(self.flow, self.job, name) or suggestion(name, names, "datasets:")
            self.known.found.append(finding("E306", message, to.span, help, path))
        elif "field" in node.entries:
            self.column(node.entries["field"], visible[name.lower()], step)

    def column(self, node: Any, dataset: Dataset | None, step: Step) -> None:
        """Report a column that the dataset cannot have."""
        name = node.value if isinstance(node, Scalar) else None
        if isinstance(name, str) and dataset is not None and not dataset.has(name):
            source = text_at(step.inputs, "from")
            help = suggestion(name, dataset.names(), f"columns of `{source}`:" if source else "columns:")
            message = f"the dataset has no column `{name}`"
            self.known.found.append(finding("E503", message, node.span, help, step.inputs_path))

    def query(
        self, step: Step, text: "Text", visible: Mapping[str, Dataset], *, dialect: str, resource: str = ""
    ) -> Dataset:
        """Return what a query gives, and note what is wrong with it and what it reads."""
        if not dialect:
            return Dataset()
        answer = self.queries.answer(Asked(self.job, self.outer, step, text, dialect, resource), visible)
        self.known.found.extend(answer.found)
        self.known.tables[step.path] = answer.tables
        self.reads(() if resource else answer.tables, answer.once if step.type == "sql" else ())
        return answer.dataset


_BY_TYPE: Mapping[str, Callable[[_Reader, Step, Mapping[str, Dataset]], Dataset | None]] = {
    "check": _Reader.check_step,
    "export": _Reader.export_step,
    "query": _Reader.query_step,
    "read": _Reader.read_step,
    "send_mail": _Reader.mail_step,
    "sql": _Reader.sql_step,
    "write": _Reader.write_step,
}


def _columns(step: Step) -> tuple[str, ...] | None:
    """Return the columns that a read names, one by one or by their types; None where one of them is no name."""
    listed = tuple(value_of(item) for item in items_at(step.inputs, "columns"))
    if not all(isinstance(name, str) and name for name in listed):
        return None
    schema = mapping_at(step.inputs, "schema") or EMPTY
    told = any(stands_alone(schema, name) for name in schema.entries)  # no name of a column: a colon is missing
    return listed or (None if told else tuple(schema.entries)) or None


def _kinds(step: Step) -> dict[str, str]:
    """Return the kinds of the columns whose types a `schema` says."""
    found = mapping_at(step.inputs, "schema")
    if found is None:
        return {}
    from firn_compiler.kinds import kind_of  # for flows that say types alone

    types = {name.lower(): text_at(found, name) or "" for name in found.entries}
    return {name: kind for name, type_ in types.items() if (kind := kind_of(type_))}


def _columns_of(expectation: MappingNode) -> Iterator[Any]:
    """Yield the nodes of an expectation that name a column of its dataset."""
    for key in ("not_null", "unique"):
        yield from (node for _, node in each_at(expectation, key))
    for key in ("accepted_values", "between", "freshness", "relationship"):
        yield lookup(expectation, (key, "column"))
