"""The public keys that a platform trusts: files become the keys they hold, so that the artifact holds them itself."""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping, Node, Path, Scalar, Sequence, mapping_at, with_entry
from firn_compiler.yaml_source import Source
from firn_schemas.public_key import MAX_BYTES, BadKey, public_keys

WHERE: Path = ("security", "trusted_keys")


def with_keys(root: Mapping, read: Callable[[str, str], Source | None]) -> tuple[Mapping, Items[Diagnostic]]:
    """Return a platform's root in which every trusted key stands in its one spelling, and what is wrong with others.

    `read` reads the file that a file (first) names (second).
    """
    security = mapping_at(root, "security")
    listed = security.entries.get("trusted_keys") if security is not None else None
    if security is None or not isinstance(listed, Sequence):
        return root, ()
    found: list[Diagnostic] = []
    items: list[Node] = []
    for index, item in enumerate(listed.items):
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            items.append(item)
            continue
        try:
            items += [Scalar(pem, item.span) for pem in _pems(item.value, item.span.file, read)]
        except BadKey as error:
            help = (
                "name a file of public keys in PEM, from this file's folder; `openssl pkey -in KEY -pubout` makes one"
            )
            found.append(finding("E712", f"a trusted key {error}", item.span, help, (*WHERE, index)))
    keys = Sequence(items, listed.span, listed.prior)
    return with_entry(root, "security", with_entry(security, "trusted_keys", keys)), found


def _pems(text: str, by: str, read: Callable[[str, str], Source | None]) -> Iterator[str]:
    if "-----" not in text:
        source = None if text.startswith(("/", "~")) else read(by, text)
        if source is None:
            raise BadKey("names a file that cannot be read")
        text = source.content[:MAX_BYTES].decode("ascii", "replace")
    yield from (key.pem for key in public_keys(text))
