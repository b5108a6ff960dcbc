"""Step types as closed schemas: what each takes, what it needs of its resource, what it gives.

The rows of related types are in a module of their own, read when one of them is first asked for: a run pays for what it
uses.
"""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.origin import Origin
from firn_schemas.table import Table

Ability = Literal["readable", "writable", "queryable", "files"]


@record
class StepType:
    """A row of the table."""

    inputs: type = doc("Record of the step's inputs.")
    results: dict[str, str] = doc("Results by name, each with its type in the words of JSON Schema; `any` is unknown.")
    makes_dataset: bool = doc("The step makes a dataset named after its id.", default=False)
    needs: Ability | None = doc("What its resource must be able to do.", default=None)
    kind: str = doc("The kind that its resource must be of; empty: any.", default="")
    exactly_one: tuple[str, ...] = doc("Inputs of which exactly one is given.", default=())
    leaves: str = doc("Result that names the files it leaves in the run's folder; empty: none.", default="")
    repeatable: bool = doc("Doing it twice is as good as once.", default=True)
    key_makes_repeatable: str = doc("An input that makes it so.", default="")
    plugin: Origin | None = doc("The plug-in that brings it.", default=None)


STEPS: Table[str, StepType] = Table(
    __name__,
    {
        "archive_create": "files",
        "archive_extract": "files",
        "check": "checks",
        "check_items": "control",
        "dbt": "programs",
        "delete_files": "files",
        "download": "files",
        "export": "exports",
        "http": "messages",
        "list_files": "files",
        "python": "programs",
        "query": "data",
        "read": "data",
        "run_process": "programs",
        "send_mail": "messages",
        "sql": "data",
        "upload": "files",
        "with_lock": "control",
        "write": "data",
    },
)
"""Every step type, by name."""

DATASET_RESULTS = {"rows": "integer", "columns": "array"}
FILE_RESULTS = DATASET_RESULTS | {"bytes": "integer"}
"""`bytes` is there where the size of what was read or written is known: files and answers, not tables."""
