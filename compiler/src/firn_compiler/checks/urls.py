"""URLs of systems that answer over HTTP: each says its scheme, without which no run could connect."""

import re
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
_OPTIONAL = frozenset([("endpoint",), ("lineage_endpoint",), ("otlp_endpoint",)])
"""Those that may be empty: then there is none."""
_ADDED = {"lineage_endpoint": "/api/v1/lineage", "otlp_endpoint": "/v1/traces"}
"""The path of the request, which stands behind the URL."""
_SCHEME = ("https://", "http://")
_URL = re.compile(
    r"https?://([^\s\"/?#@]*@)?(\[[^\s\"\]]+\]|[^\s\"/?#@:\[\]]+)(:\d{1,5})?([/?#][^\s\"]*)?", re.IGNORECASE
)


def urls(settings: Node, path: Path) -> Iterator[Diagnostic]:
    """Report literal URLs without a scheme or a host; an empty endpoint is none."""
    for keys in _KEYS:
        node = lookup(settings, keys)
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or (not node.value and keys in _OPTIONAL):
            continue
        added = _ADDED.get(str(keys[-1]))
        if added and node.value.rstrip("/").endswith(added):
            help = f"write it without `{added}`"
            yield finding("E204", f"`{keys[-1]}` ends in what a run adds to it", node.span, help, (*path, *keys))
        if not _URL.fullmatch(node.value):
            said = node.value.lower().startswith(_SCHEME)
            help = "write `https://HOST:PORT/PATH`, without spaces or quotes"
            help = help if said else "begin it with `https://` or `http://`"
            yield finding("E204", f"`{keys[-1]}` is not a URL", node.span, help, (*path, *keys))
