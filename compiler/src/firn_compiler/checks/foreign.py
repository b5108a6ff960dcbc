"""Files of other tools: one finding that says so, in the place of one for each of their keys."""

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping
from firn_compiler.model.shapes import FlowShape, PlatformShape
from firn_schemas.decode import words

_OF_A_FLOW = frozenset(["jobs", "resources", "steps", "transforms"])
_OF_A_PLATFORM = frozenset(
    ["catalogs", "compute", "connectors", "extends", "layers", "security", "state", "storage", "workspace"]
)


def no_flow(written: Mapping, meant: Mapping) -> Diagnostic | None:
    """Return the finding that a file, as it is `written` and as it was `meant`, is no flow; else None."""
    if _OF_A_PLATFORM & written.entries.keys():
        message, help = "this is a platform, not a flow", "give it as the platform: `-p FILE`"
        return _unless(written, FlowShape, _OF_A_FLOW, message, help)
    message = "this is no flow: it has no part of one, and its keys are unknown"
    return _unless(meant, FlowShape, _OF_A_FLOW, message, "a flow has `name`, `version`, and `steps` or `jobs`")


def no_platform(written: Mapping, meant: Mapping) -> Diagnostic | None:
    """Return the finding that a file is no platform; None where it may be one."""
    if _OF_A_FLOW & written.entries.keys():
        message, help = "this is a flow, not a platform", "give a platform with `-p FILE`"
        return _unless(written, PlatformShape, _OF_A_PLATFORM, message, help)
    message = "this is no platform: it has no part of one, and its keys are unknown"
    return _unless(meant, PlatformShape, _OF_A_PLATFORM, message, "a platform has `version`, and such as `connectors`")


def _unless(root: Mapping, record: type, parts: frozenset[str], message: str, help: str) -> Diagnostic | None:
    unknown = [key for key in root.entries if key not in words(record)]
    if parts & root.entries.keys() or len(unknown) * 2 < max(len(root.entries), 1):
        return None
    return finding("E201", message, root.keys[unknown[0]], help, (unknown[0],))
