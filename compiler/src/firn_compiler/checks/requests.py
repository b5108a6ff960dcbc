"""What is asked of an API: where, with which headers, and how the answer goes on."""

from firn_compiler.checks.given import Found, leads_out
from firn_compiler.diagnostics import finding
from firn_compiler.document import Mapping, Path, Scalar, lookup, mapping_at, text_at, value_of
from firn_compiler.model.project import Step
from firn_schemas.steps.requests import ANSWER_PATH


def request(step: Step, path: Path) -> Found:
    """Report a path out of the resource's `base_url`, and headers that no request may say."""
    if step.type == "read":
        path = (*path, "request")
    asked = lookup(step.inputs, path[len(step.inputs_path) :])
    if isinstance(asked, Mapping):
        node = asked.entries.get("path")
        if isinstance(node, Scalar) and isinstance(node.value, str) and leads_out(node.value.lstrip("/")):
            message = "`path` leads out of the resource's `base_url`"
            yield finding("E204", message, node.span, "write it without `..`", (*path, "path"))
        yield from own_headers(asked, path)
        yield from _paged(asked, path)


def _paged(asked: Mapping, path: Path) -> Found:
    """Report parameters of pages that could stand nowhere in the request's body, and a size that is never sent."""
    pages = mapping_at(asked, "pagination")
    if pages is None:
        return
    where = (*path, "pagination")
    if "size_param" in pages.keys and "size" not in pages.keys:
        message = "`size_param` is not sent without `size`"
        yield finding("E203", message, pages.keys["size_param"], "add `size:`", (*where, "size_param"))
    if text_at(pages, "in") != "body":
        return
    body = asked.entries.get("body")
    if isinstance(value_of(body) if body is not None else None, (str, int, float, list)):
        message = "the request's body has no place for the parameters of a page"
        yield finding("E204", message, pages.entries["in"].span, "write `body` as a mapping", (*where, "in"))
    for key in ("param", "size_param", "offset_param", "limit_param"):
        name = text_at(pages, key)
        if name is not None and not ANSWER_PATH.fits(name):
            help = "write the names on the way joined by dots, such as `variables.after`"
            yield finding("E204", f"`{key}` is no path in a body", pages.entries[key].span, help, (*where, key))


def own_headers(node: Mapping, path: Path) -> Found:
    """Report those of the `headers` in a mapping that Firn says itself."""
    headers = mapping_at(node, "headers")
    if headers is None:
        return
    from firn_schemas.connectors.rest import OWN_HEADERS  # only APIs have some

    for name, place in headers.keys.items():
        if name.lower() in OWN_HEADERS:
            message = f"the header `{name}` is not to be said"
            yield finding("E204", message, place, "remove it: Firn says it itself", (*path, "headers", name))
