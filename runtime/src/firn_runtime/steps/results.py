"""The results that steps which make or publish rows have in common."""

from firn_runtime.engine import Session
from firn_runtime.step import StepResult
from firn_schemas.base import Json


def dataset_result(session: Session, dataset: str, rows: int, size: int | None) -> StepResult:
    """Return `rows`, `columns` and, where it is known, `bytes`: the size of the file read or written."""
    columns: list[Json] = list(session.columns(dataset))
    results: dict[str, Json] = {"rows": rows, "columns": columns}
    if size is not None:
        results["bytes"] = size
    return StepResult(results=results, rows=rows, bytes=size, no_data=rows == 0)
