"""The results that steps which make or publish rows have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from firn_runtime.connector import WriteContext
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext, StepResult
from firn_schemas.base import Json


def made(context: StepContext, relation: Relation, size: int | None) -> StepResult:
    """Make the dataset named after the step, or let its one reader read it where it is; `rows` are not known then."""
    if not context.streamed:
        rows = context.session.materialise(context.id, relation)
        return dataset_result(context.session, context.id, rows, size)
    context.session.stream(context.id, relation)
    columns: list[Json] = list(context.session.columns(context.id))
    return StepResult(results={"columns": columns} | ({} if size is None else {"bytes": size}), bytes=size)


def dataset_result(session: Session, dataset: str, rows: int, size: int | None) -> StepResult:
    """Return `rows`, `columns` and, where it is known, `bytes`: the size of the file read or written."""
    columns: list[Json] = list(session.columns(dataset))
    results: dict[str, Json] = {"rows": rows, "columns": columns}
    if size is not None:
        results["bytes"] = size
    return StepResult(results=results, rows=rows, bytes=size, no_data=rows == 0)


def lent(context: StepContext) -> WriteContext:
    """Return what a step that publishes lends to the connector."""

    def still_ours() -> None:
        with context.session.of_sources():
            context.still_ours()

    return WriteContext(context.session, context.publication, context.scratch, still_ours)


@contextmanager
def naming_stream(session: Session, dataset: str) -> Iterator[None]:
    """Say in an error that a stream is read meanwhile: what failed may be its source."""
    try:
        yield
    except ConnectorError as error:
        if dataset not in session.streams:
            raise
        session.refuse_changed()
        said = f"{error.message}; `{dataset}` is read in the same pass"
        raise ConnectorError(error.error_class, said, error.help) from None
