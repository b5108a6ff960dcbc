"""The cursor of an incremental read whose values have another order on their server than in a dataset.

A type that no dataset holds is read as text, and 10 comes before 9 there: rows would be left out without a word.
"""

from collections.abc import Sequence

from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import ReadInputs


def refuse_unordered(inputs: ReadInputs, as_text: Sequence[str]) -> None:
    """Raise ConnectorError where the cursor is one of these columns, which are read as text and are none.

    With a type in `schema` it is the step that says in which order its values are.
    """
    cursor = inputs.incremental.cursor.lower() if inputs.incremental else ""
    said = {name.lower() for name in inputs.schema or ()}
    found = next((name for name in as_text if name.lower() == cursor), None)
    if found is not None and cursor not in said:
        message = f"the cursor `{found}` would be compared as text, where 10 comes before 9, and it is none"
        help = "give it the type that is meant in `schema`, such as `decimal(38,0)`, or choose another cursor"
        raise ConnectorError("data", message, help)
