"""A dataset as a local file, for steps that send files."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from firn_runtime.connectors.file_formats import format_of
from firn_runtime.connectors.file_writing import write_file
from firn_runtime.engine import Session
from firn_runtime.step import StepContext
from firn_runtime.steps.export import guarded_cells, viewed
from firn_runtime.steps.results import naming_stream
from firn_schemas.steps.data import WriteInputs
from firn_schemas.steps.messages import DatasetFile


def written(item: DatasetFile, context: StepContext, file: Path) -> Path:
    """Write the dataset, which is scanned once; raise ConnectorError."""
    session = context.session
    wanted = WriteInputs(
        from_=item.from_, resource="", mode="replace", format=item.format, format_options=item.format_options
    )
    format = format_of(item.name, wanted)
    guarded = item.formula_guard and format.kind == "csv"
    with (
        naming_stream(session, item.from_),
        _guarded(session, item.from_) if guarded else nullcontext(item.from_) as name,
    ):
        given = WriteInputs(
            from_=name, resource="", mode="replace", format=item.format, format_options=item.format_options
        )
        write_file(session, given, format, item.name, file)
    return file


def _guarded(session: Session, dataset: str) -> AbstractContextManager[str]:
    kinds = session.columns(dataset)
    return viewed(session, dataset, guarded_cells(session, kinds, list(kinds)))
