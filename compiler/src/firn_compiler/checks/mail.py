"""What a message says: whom it is for, its subject, and its attachments."""

import re

from firn_compiler.checks.given import Found, leads_out, unsaid_format
from firn_compiler.diagnostics import finding
from firn_compiler.document import Mapping, Path, Scalar, Sequence, each_at, items_at, value_of
from firn_compiler.model.project import Step
from firn_schemas.steps.messages import LONGEST_NAME, LONGEST_SUBJECT, MOST_ATTACHMENTS, MOST_RECIPIENTS


def recipients(step: Step, path: Path) -> Found:
    """Report recipients that are not one address each, and files of datasets whose format nobody says."""
    from firn_schemas.mail_address import parsed  # only mail needs it

    for key in ("to", "cc", "bcc"):
        for where, item in each_at(step.inputs, key):
            if isinstance(item, Scalar) and isinstance(item.value, str) and parsed(item.value) is None:
                help = "write `a@b.example` or `Name <a@b.example>`, one in each item of a list"
                yield finding("E204", f"`{key}` is not one address", item.span, help, (*path, *where))
    for index, item in enumerate(items_at(step.inputs, "attachments")):
        name = item.entries.get("name") if isinstance(item, Mapping) and "format" not in item.entries else None
        if isinstance(name, Scalar):
            yield from unsaid_format(name, (*path, "attachments", index, "name"))


def contents(step: Step, path: Path) -> Found:
    """Report a message to nobody or to too many, a subject that no header holds, and names that are none of files."""
    from firn_schemas.mail_address import unspeakable  # only mail needs it

    people = {key: step.inputs.entries[key] for key in ("to", "cc", "bcc") if key in step.inputs.entries}
    numbers = {key: len(node.items) if isinstance(node, Sequence) else 1 for key, node in people.items()}
    if numbers.get("to") == 0:
        yield finding("E204", "`to` names nobody", people["to"].span, "name one address", (*path, "to"))
    if sum(numbers.values()) > MOST_RECIPIENTS:
        most, message = max(numbers, key=numbers.__getitem__), f"a message has at most {MOST_RECIPIENTS} recipients"
        yield finding("E204", message, people[most].span.opening, "give them a mailing list", (*path, most))
    subject = step.inputs.entries.get("subject")
    text = value_of(subject) if subject is not None else None
    if subject is not None and isinstance(text, str) and (unspeakable(text) or len(text) > LONGEST_SUBJECT):
        message = f"`subject` is one line of at most {LONGEST_SUBJECT} characters, without control characters"
        yield finding("E204", message, subject.span.opening, "shorten it to one line", (*path, "subject"))
    items = items_at(step.inputs, "attachments")
    if len(items) > MOST_ATTACHMENTS:
        message = f"a message has at most {MOST_ATTACHMENTS} attachments"
        yield finding("E204", message, items[MOST_ATTACHMENTS].span, "send an archive", (*path, "attachments"))
    for index, item in enumerate(items):
        node = item.entries.get("name") if isinstance(item, Mapping) else item
        name = value_of(node) if node is not None else None
        where = (*path, "attachments", index)
        if node is None or not isinstance(name, str):
            continue
        if isinstance(item, Mapping) and (re.search(r"[/\\]", name) or name in (".", "..")):
            yield finding("E204", "the name is not that of a file", node.span, "name it without folders", where)
        elif unspeakable(name) or len(name.rpartition("/")[2].encode()) > LONGEST_NAME:
            message = f"the name is one line of at most {LONGEST_NAME} bytes, without control characters"
            yield finding("E204", message, node.span.opening, "rename the file", where)
        elif not isinstance(item, Mapping) and leads_out(name):
            message = "the name leads out of the run's folder of files"
            yield finding("E204", message, node.span, "write it without `..`", where)
