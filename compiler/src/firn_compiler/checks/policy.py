"""Policy: what the platform locks, allows and asks for."""

import re
from collections.abc import Iterator
from dataclasses import fields

from firn_compiler.diagnostics import Diagnostic, Related, finding, suggestion
from firn_compiler.document import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Span,
    dotted,
    items_at,
    key_span,
    lookup,
    mapping_at,
    mappings_at,
    text_at,
    walk,
)
from firn_compiler.model.project import Flow, Platform
from firn_compiler.stages.settle import decoded, family, part, profile_of, resource
from firn_schemas.artifact_format import version_key
from firn_schemas.connectors import CONNECTORS, Connector
from firn_schemas.decode import endpoints, keys, spelling, words
from firn_schemas.steps import STEPS, StepType
from firn_schemas.visible import listing

PARTS = ("config", "options")
_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>[^:]*):role/.+\Z")


def platform_policy(platform: Platform) -> Iterator[Diagnostic]:
    """Report locks and decode marks that mean nothing, versions that exclude each other, and roles that cannot be."""
    for name, node in mappings_at(platform.root, "connectors").items():
        row = family(node)
        if row is not None:
            for item in items_at(node, "locked"):
                if isinstance(item, Scalar) and isinstance(item.value, str):
                    yield from _setting(item.value, row, item.span, ("connectors", name, "locked"))
            yield from _decode(platform, node, row, ("connectors", name, "decode"))
    if platform.security is not None and platform.is_enterprise:
        yield from _hook(platform.security)
        yield from _pinned(platform.security)
    yield from _compatibility(platform)
    yield from _roles(platform.root)


def _pinned(security: Mapping) -> Iterator[Diagnostic]:
    """Report plug-ins of an `enterprise` platform that no digest pins, and folders of plug-ins."""
    for index, item in enumerate(items_at(security, "plugins")):
        if isinstance(item, Mapping) and text_at(item, "sha256") is None:
            message = f"the plug-in `{text_at(item, 'name') or ''}` has no `sha256`"
            path: Path = ("security", "plugins", index)
            yield finding("E710", message, item.span, "install it, and take the line that `firn plugins` prints", path)
    if items_at(security, "plugin_folders"):
        where = key_span(security, ("plugin_folders",))
        help = "install the plug-ins, and list them in `security.plugins`"
        message = "an `enterprise` platform has no folders of plug-ins"
        yield finding("E711", message, where, help, ("security", "plugin_folders"))


def _setting(word: str, row: tuple[str, str], place: Span, path: Path) -> Iterator[Diagnostic]:
    """Report a dotted name that is no setting of the connector."""
    key, _, rest = word.partition(".")
    name = rest.partition(".")[0]
    if key == "params":
        key = "config"
    if key not in PARTS:
        yield finding("E201", f"`{word}` is not a setting", place, "write `config.NAME` or `options.NAME`", path)
        return
    record = _record(key, row)
    if rest and name not in words(record):
        own = [f"{key}.{word}" for word in keys(record)]
        message = f"`{word}` is not a setting of `{row[0]}/{row[1]}`"
        yield finding("E201", message, place, suggestion(word, own), path)


def _decode(platform: Platform, node: Mapping, row: tuple[str, str], path: Path) -> Iterator[Diagnostic]:
    marks = mapping_at(node, "decode")
    if marks is None:
        return
    for where, leaf in walk(marks):
        if isinstance(leaf, Scalar) and len(where) > 1:
            yield from _setting(".".join(map(str, where)), row, key_span(marks, where), (*path, *where))
        if isinstance(leaf, Sequence) or (isinstance(leaf, Scalar) and not isinstance(leaf.value, bool)):
            message = f"`{where[-1] if where else 'decode'}` must be true or false"
            yield finding(
                "E202", message, leaf.span, "`true` sends the setting through the decode hook", (*path, *where)
            )
    if decoded(node, row) and mapping_at(platform.security, "decode_hook") is None:
        help = "add `security.decode_hook: {module: NAME}`"
        yield finding("E705", "the platform has no decode hook", node.keys["decode"], help, path)


def _hook(security: Mapping) -> Iterator[Diagnostic]:
    """Report a decode hook whose code an enterprise platform does not pin."""
    hook = mapping_at(security, "decode_hook")
    if hook is not None and text_at(hook, "module") not in (None, "base64") and text_at(hook, "sha256") is None:
        help = "add `sha256: …`, the digest of the module's file: `sha256sum FILE` prints it"
        message = "an enterprise platform pins the code of its decode hook, and this one has no `sha256`"
        yield finding("E709", message, security.keys["decode_hook"], help, ("security", "decode_hook"))


def _compatibility(platform: Platform) -> Iterator[Diagnostic]:
    node = mapping_at(platform.root, "compatibility")
    low, high = text_at(node, "min_version"), text_at(node, "max_version")
    if node is not None and low and high and version_key(low) > version_key(high):
        related = (Related("the oldest", node.entries["min_version"].span),)
        message = "`max_version` is older than `min_version`: no runtime fits"
        path = ("compatibility", "max_version")
        yield finding("E706", message, node.entries["max_version"].span, "swap them", path, related)


def _roles(root: Mapping) -> Iterator[Diagnostic]:
    """Report roles of AWS whose ARN is none, and accounts that have not twelve digits."""
    for path, node in walk(root):
        if path[-1:] != ("role_arn",) or not isinstance(node, Scalar) or not isinstance(node.value, str):
            continue
        found = _ROLE.match(node.value)
        if found is None:
            help = "write `arn:aws:iam::ACCOUNT:role/NAME`"
            yield finding("E204", "`role_arn` is not the ARN of a role", node.span, help, path)
        elif not re.fullmatch(r"[0-9]{12}", found["account"]):
            number = len(found["account"])
            digits = f"has {number} digits" if found["account"].isdecimal() else "is not a number"
            message = f"the account in `role_arn` {digits}: an AWS account has 12"
            yield finding("W701", message, node.span, "check the account's number", path)


def flow_policy(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report what a flow does that the platform does not allow."""
    if platform is None:
        return
    yield from _roles(mapping_at(flow.root, "resources") or Mapping({}, {}, flow.root.span))
    for name, node in flow.resources.items():
        yield from _locked(name, node, platform)
        yield from _inline(flow, name, node, platform)
        yield from _endpoints(name, node, platform)
        yield from _archives(flow, name, node, platform)
    yield from _plugins(flow, platform)


def _plugins(flow: Flow, platform: Platform) -> Iterator[Diagnostic]:
    """Report plug-ins that an `enterprise` platform does not list."""
    if not platform.is_enterprise:
        return
    from firn_schemas.distribution import normalized  # few platforms name plug-ins

    allowed = {normalized(text_at(item, "name") or ""): item for item in items_at(platform.security, "plugins")}
    places: list[tuple[Connector | StepType | None, Node, Path]] = [
        (STEPS[step.type], step.node.entries["type"], (*step.path, "type"))
        for step in flow.steps
        if step.type in STEPS and "type" in step.node.entries
    ]
    for name, node in flow.resources.items():
        settled = resource(flow, platform, name)
        places.append((settled.row if settled else None, node.entries.get("profile", node), ("resources", name)))
    for one, place, path in places:
        if one is None or not one.plugin:
            continue
        name, version, sha256 = one.plugin
        item = allowed.get(normalized(name))
        if item is None:
            help = "add the line that `firn plugins` prints to `security.plugins` of the platform"
            yield finding("E707", f"the platform does not allow the plug-in `{name}`", place.span, help, path)
        elif (text_at(item, "version") or "").removeprefix("==") != version:
            related = (Related("the version that the platform allows", item.span),)
            message = f"the platform does not allow the version {version} of the plug-in `{name}`"
            yield finding("E707", message, place.span, "install the version that it names", path, related)
        elif sha256 is not None and (text_at(item, "sha256") or sha256).removeprefix("sha256:") != sha256:
            related = (Related("the build that the platform allows", item.span),)
            message = f"the platform does not allow the build of the plug-in `{name}` that is installed"
            yield finding("E707", message, place.span, f"its `sha256` is {sha256}", path, related)


def _locked(name: str, node: Mapping, platform: Platform) -> Iterator[Diagnostic]:
    connector = profile_of(node, platform)
    row = family(connector)
    if connector is None or row is None:
        return
    for item in items_at(connector, "locked"):
        key, _, rest = str(item.value).partition(".") if isinstance(item, Scalar) else ("", "", "")
        key = "config" if key == "params" else key
        if key not in PARTS:
            continue
        path = tuple(_spelled(rest, key, row).split(".")) if rest else ()
        if path and path[0] not in keys(_record(key, row)):
            continue  # what is no setting is reported where it is locked
        found = _touched(part(node, key, row), path)
        if found is not None and found.span.file:
            related = (Related("the platform locks it here", item.span),)
            message = f"`{dotted((key, *path))}` is locked by the platform"
            yield finding(
                "E701", message, found.span, "remove it from the flow", ("resources", name, key, *path), related
            )


def _record(key: str, row: tuple[str, str]) -> type:
    return CONNECTORS[row].config if key == "config" else CONNECTORS[row].options


def _spelled(rest: str, key: str, row: tuple[str, str]) -> str:
    """Return the setting in the schema's own spelling."""
    first, dot, more = rest.partition(".")
    record = _record(key, row)
    own = next((spelling(one) for one in fields(record) if first in one.metadata.get("aliases", ())), first)
    return own + dot + more


def _touched(node: Node, path: Path) -> Node | None:
    """Return what sets a path, or removes or replaces the mapping it stands in; None where nothing does."""
    if not path:
        return node if not isinstance(node, Mapping) or node.entries else None
    for length in range(1, len(path) + 1):
        found = lookup(node, path[:length])
        if found is None or length == len(path):
            return found
        if not isinstance(found, Mapping):
            return found
    return None


def _inline(flow: Flow, name: str, node: Mapping, platform: Platform) -> Iterator[Diagnostic]:
    related = _of_an_enterprise(platform)
    if "profile" in node.entries or not related:
        return
    path = ("resources", name)
    message = "an `enterprise` platform allows no inline resources"
    help = "name a connector of the platform with `profile:`"
    yield finding("E702", message, key_span(flow.root, path), help, path, related)


def _of_an_enterprise(platform: Platform) -> tuple[Related, ...]:
    """Return where the platform says that it is an `enterprise`; nothing where it is none."""
    if platform.security is None or not platform.is_enterprise:
        return ()
    return (Related("the platform's policy", platform.security.entries["mode"].span),)


def _endpoints(name: str, node: Mapping, platform: Platform) -> Iterator[Diagnostic]:
    """Report what a flow says of where, as whom or on what proof to connect, where that is the platform's alone."""
    related, row = _of_an_enterprise(platform), family(profile_of(node, platform))
    if row is None or not related:
        return
    for key in PARTS:
        for setting in _platforms_own(key, row):
            found = _touched(part(node, key, row), (setting,))
            if found is not None and found.span.file:
                message = (
                    f"`{key}.{setting}` says where, as whom or on what proof to connect: that is the platform's alone"
                )
                path = ("resources", name, key, setting)
                help = "remove it from the flow; what differs needs a connector of its own in the platform"
                yield finding("E713", message, found.span, help, path, related)


def _platforms_own(key: str, row: tuple[str, str]) -> tuple[str, ...]:
    """Return the settings that say where and as whom; of a plug-in's connector nobody can tell, so all of `config`."""
    record = _record(key, row)
    return keys(record) if key == "config" and CONNECTORS[row].plugin else endpoints(record)


def _archives(flow: Flow, name: str, node: Mapping, platform: Platform) -> Iterator[Diagnostic]:
    security, settled = platform.security, resource(flow, platform, name)
    if security is None or settled is None or settled.kind != "archive":
        return
    listed = lookup(security, ("archive_drivers",))
    policy = listed if isinstance(listed, Sequence) else security.entries.get("mode")
    drivers = [item.value for item in items_at(security, "archive_drivers") if isinstance(item, Scalar)]
    if {*drivers} - {driver for kind, driver in CONNECTORS if kind == settled.kind}:
        return  # one that is none may be meant to be this, and another finding says so
    if policy is not None and (policy is listed or platform.is_enterprise) and settled.driver not in drivers:
        place = node.entries.get("profile") or node.entries.get("driver") or node.entries.get("type") or node
        related = (Related("the platform's policy", policy.span),)
        message = f"the platform does not allow the archive driver `{settled.driver}`"
        allowed = listing(drivers)
        help = f"allowed: {allowed}" if allowed else "list it in `security.archive_drivers` of the platform"
        yield finding("E703", message, place.span, help, ("resources", name), related)
