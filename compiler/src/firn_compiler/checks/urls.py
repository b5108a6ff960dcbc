"""URLs of systems that answer over HTTP: each says its scheme, without which no run could connect."""

from collections.abc import Iterator

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Node, Path, Scalar, lookup

_KEYS: tuple[Path, ...] = (
    ("base_url",),
    ("credentials", "token_url"),
    ("endpoint",),
    ("lineage_endpoint",),
    ("otlp_endpoint",),
    ("uri",),
)
"""Settings that are such a URL."""


def urls(settings: Node, path: Path) -> Iterator[Diagnostic]:
    """Report literal URLs without a scheme; an empty `endpoint` is none."""
    for keys in _KEYS:
        node = lookup(settings, keys)
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            continue
        if not node.value.lower().startswith(("https://", "http://")):
            message = f"`{keys[-1]}` is not a URL"
            yield finding("E204", message, node.span, "begin it with `https://` or `http://`", (*path, *keys))
