"""Steps that speak to others: `http`, `send_mail`."""

from typing import Literal

from firn_schemas.base import Json, doc, record
from firn_schemas.steps import StepType
from firn_schemas.steps.data import FileFormat, FormatOptions

MOST_RECIPIENTS, MOST_ATTACHMENTS = 100, 100
"""Every server takes so many recipients (RFC 5321, section 4.5.3.1.8)."""
LONGEST_SUBJECT = 998
"""Characters."""
LONGEST_NAME = 255
"""Bytes in the name of an attachment."""


@record
class HttpInputs:
    """Makes one request of an API."""

    resource: str = doc("The API.")
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = doc("The request's method (RFC 9110).")
    path: str = doc("Below the resource's `base_url`.", place=True, examples=["/jobs"])
    params: dict[str, str | int | float | bool] = doc("Query parameters.", default_factory=dict)
    headers: dict[str, str] = doc("Headers beside the resource's own.", default_factory=dict)
    body: Json = doc("Sent as JSON; text is sent as it is.", default=None)
    idempotency_key: str | None = doc(
        "Sent as `Idempotency-Key`, so that the same request twice is one.", default=None, examples=["{{ run.id }}"]
    )
    expect_status: int | list[int] | None = doc("Statuses that are a success; absent: 200 to 299.", default=None)


@record
class DatasetFile:
    """A dataset as a file of a message."""

    from_: str = doc("The dataset: an earlier step's id.")
    name: str = doc("The file's name.", examples=["revenue.csv"])
    format: FileFormat | None = doc("The file's format; absent: by the name's ending.", default=None)
    format_options: FormatOptions | None = doc("How the file is laid out.", default=None)
    formula_guard: bool = doc(
        "Write `'` before texts of a CSV file that a spreadsheet takes for a formula.", default=True
    )


@record
class SendMailInputs:
    """Sends one message."""

    resource: str = doc("The mail server.")
    to: str | list[str] = doc("Addresses of the recipients, one in each item, also as `Name <address>`.")
    subject: str = doc("The subject line.")
    text: str | None = doc("The message as plain text.", default=None)
    html: str | None = doc("The message as HTML; with `text`, readers show the one that they can.", default=None)
    cc: str | list[str] | None = doc("Addresses of those who get a copy.", default=None)
    bcc: str | list[str] | None = doc("Addresses of those who get a copy that the others do not see.", default=None)
    attachments: list[str | DatasetFile] | None = doc("Names of files of the run, and datasets.", default=None)


ROWS: dict[str, StepType] = {
    "http": StepType(
        inputs=HttpInputs,
        results={"status": "integer", "json": "any"},
        kind="rest",
        repeatable=False,
        key_makes_repeatable="idempotency_key",
    ),
    "send_mail": StepType(inputs=SendMailInputs, results={"message_id": "string"}, kind="mail", repeatable=False),
}
