"""A bucket of Amazon S3, or of a service that speaks its protocol: what is asked of it, one request each.

Signed by this package rather than by a library: see docs/adr/0016.
"""

import hashlib
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from firn_runtime.cancel import Token
from firn_runtime.connectors.credentials.aws_signing import AccessKey, Query, Unsigned, encoded, signed, spelled
from firn_runtime.connectors.http.hosts import Address, Answer, Host, Request, Sink, address
from firn_runtime.connectors.http.xml import parsed, text_of
from firn_runtime.connectors.s3.credentials import KeySource
from firn_runtime.connectors.s3.errors import code_of, refused
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.files import S3Config

_BLOCK = 1 << 18
_META = "x-amz-meta-"
_PAGES = 2_000
"""Pages of one listing, at most; a page has a thousand objects, or fewer: even none."""
_NO = ("", "0", "false")
"""How services say that a page is the last one: of whatever else they say, another is asked for."""
_SIZE, _ETAG = re.compile(r"[0-9]{1,18}"), re.compile(r"[ -~]{0,1024}")


class Listed(NamedTuple):
    """An object as a listing tells of it."""

    key: str
    size: int
    etag: str


class Head(NamedTuple):
    """An object as it tells of itself."""

    size: int
    etag: str
    metadata: Mapping[str, str]


class Piece(NamedTuple):
    """A part of a local file."""

    file: Path
    start: int
    length: int

    def blocks(self) -> Iterator[bytes]:
        """Yield its bytes."""
        with self.file.open("rb") as opened:
            opened.seek(self.start)
            left = self.length
            while left and (block := opened.read(min(left, _BLOCK))):
                left -= len(block)
                yield block


def place(config: S3Config) -> Address:
    """Return where the bucket answers; raise ConnectorError for an endpoint that is no URL."""
    suffix = ".cn" if (config.region or "").startswith("cn-") else ""
    there = address(config.endpoint or f"https://s3.{config.region or 'us-east-1'}.amazonaws.com{suffix}")
    if config.path_style_access:
        return there._replace(path=f"{there.path}/{encoded(config.bucket)}")
    return there._replace(host=f"{config.bucket}.{there.host}")


class Bucket:
    """One bucket. Its methods may be called from several threads."""

    def __init__(self, config: S3Config, timeout: float, keys: KeySource, context: ssl.SSLContext | None) -> None:
        where = place(config)
        self._keys, self._region = keys, config.region or "us-east-1"
        self._host = Host(where, timeout, context if where.tls else None)
        self.close = self._host.close

    def list(self, prefix: str, most: int = 1000, *, deep: bool = True) -> Iterator[Listed]:
        """Yield every object whose key begins with `prefix`, in the order of the service, page by page.

        Where it is not `deep`, those with a `/` after that are left out.
        """
        query = [("encoding-type", "url"), ("list-type", "2"), ("max-keys", str(most)), ("prefix", prefix)]
        query = query if deep else [("delimiter", "/"), *query]
        after: list[tuple[str, str]] = []
        for _ in range(_PAGES):
            answer = self._send("GET", "", [*query, *after])
            page = parsed(_yes(answer, "listing the bucket").body)
            if page.tag != "ListBucketResult":
                raise _strange()
            yield from map(_listed(page), page.findall("Contents"))
            if most < 1000 or text_of(page, "IsTruncated").lower() in _NO:
                return
            before, after = after, [("continuation-token", text_of(page, "NextContinuationToken"))]
            if after == before:
                raise _strange()
        raise ConnectorError("data", f"the listing has more than {_PAGES:,} pages", "name a prefix with fewer objects")

    def head(self, key: str) -> Head | None:
        """Return what an object tells of itself; None where there is none."""
        answer = self._send("HEAD", key)
        if answer.status == 404:
            return None
        known = _yes(answer, f"looking at `{key}`").headers
        metadata = {name.removeprefix(_META): value for name, value in known.items() if name.startswith(_META)}
        return Head(_size(known.get("content-length", "")), _etag(known.get("etag", "")), metadata)

    def refuse_missing(self, key: str) -> None:
        """Raise ConnectorError where it is the bucket that an object is missing with: a HEAD has no body to say it."""
        answer = self._send("GET", key, headers={"range": "bytes=0-0"})
        if code_of(answer) == "NoSuchBucket":
            raise refused(answer, f"reading `{key}`")

    def get(self, one: Listed, piece: Piece, sink: Callable[[Iterator[bytes]], object]) -> None:
        """Hand a part of an object to `sink`, from its start again where the connection breaks.

        Raises ConnectorError where the object is no longer the one that was listed.
        """
        headers = {"if-match": one.etag} if one.etag else {}
        part = f"bytes {piece.start}-{piece.start + piece.length - 1}/{one.size}" if piece.length != one.size else None
        if part is not None:
            headers["range"] = part.replace("bytes ", "bytes=").partition("/")[0]

        def take(said: Mapping[str, str], blocks: Iterator[bytes]) -> None:
            """Look before anything is kept: some services ignore `if-match`, or `range`."""
            if one.etag and _bare(said.get("etag", one.etag)) != _bare(one.etag):
                raise ConnectorError("conflict", f"reading `{one.key}`: the object has changed meanwhile")
            if said.get("content-range") != part:
                raise ConnectorError("server_error", f"the service does not give a part of `{one.key}`")
            sink(blocks)

        answer = self._send("GET", one.key, headers=headers, sink=take)
        if code_of(answer) == "NoSuchKey":  # it was listed
            raise ConnectorError("conflict", f"reading `{one.key}`: the object is gone meanwhile")
        _yes(answer, f"reading `{one.key}`")

    def put(self, key: str, piece: Piece, headers: Mapping[str, str]) -> str:
        """Make an object of a local file, at once; return its etag."""
        answer = self._send("PUT", key, headers=headers, piece=piece)
        return _yes(answer, f"writing `{key}`").headers.get("etag", "")

    def delete(self, key: str, conditions: Mapping[str, str] | None = None) -> None:
        """Remove an object; one that is not there is removed already."""
        answer = self._send("DELETE", key, headers=conditions)
        if answer.status != 404:
            _yes(answer, f"removing `{key}`")

    def begin(self, key: str, headers: Mapping[str, str]) -> str:
        """Begin an upload in parts; return its id."""
        answer = _yes(self._send("POST", key, [("uploads", "")], headers), f"writing `{key}`")
        return text_of(parsed(answer.body), "UploadId")

    def put_part(self, key: str, upload: str, number: int, piece: Piece) -> str:
        """Send a part; return its etag."""
        query = [("partNumber", str(number)), ("uploadId", upload)]
        answer = self._send("PUT", key, query, piece=piece)
        return _yes(answer, f"writing `{key}`").headers.get("etag", "")

    def complete(self, key: str, upload: str, etags: Iterable[str], headers: Mapping[str, str]) -> str:
        """Make an object of the parts, at once; return its etag."""
        root = ElementTree.Element("CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        for number, etag in enumerate(etags, 1):
            part = ElementTree.SubElement(root, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = etag
        answer = self._send("POST", key, [("uploadId", upload)], headers, content=ElementTree.tostring(root))
        said = parsed(_yes(answer, f"writing `{key}`").body)
        if said.tag == "Error":
            # it was known only after the answer had begun, with a status that says nothing
            raise refused(answer._replace(status=500), f"writing `{key}`")
        return text_of(said, "ETag")

    def abort(self, key: str, upload: str) -> None:
        """Give up an upload in parts; one that is not there is given up already."""
        answer = self._send("DELETE", key, [("uploadId", upload)], token=Token())  # also where the step shall end
        if answer.status != 404:
            _yes(answer, f"giving up an upload of `{key}`")

    def _send(
        self,
        method: str,
        key: str,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        piece: Piece | None = None,
        content: bytes = b"",
        sink: Sink | None = None,
        token: Token | None = None,
    ) -> Answer:
        path = f"{self._host.address.path}/{encoded(key, '/')}"
        digest = hashlib.sha256(content)
        for block in piece.blocks() if piece else ():
            digest.update(block)
        unsigned = Unsigned(method, self._host.address.authority, path, query, headers or {}, digest.hexdigest())

        used: list[AccessKey] = []

        def head() -> Mapping[str, str]:
            used.append(self._keys())
            return signed(unsigned, used[-1], self._region, "s3", datetime.now(UTC))

        target = path + (f"?{spelled(query)}" if query else "")
        body: Callable[[], Iterable[bytes]] = piece.blocks if piece else (lambda: [content])
        length = piece.length if piece else len(content)
        request = Request(method, target, head, body, length, sink)
        answer = self._host.send(request, token)
        ended = answer.status in (400, 401, 403) and self._keys.renew(used[-1], code_of(answer))
        return self._host.send(request, token) if ended else answer


def _yes(answer: Answer, what: str) -> Answer:
    if not 200 <= answer.status < 300:
        raise refused(answer, what)
    return answer


def _size(text: str) -> int:
    """Return how large an object is said to be; raise ConnectorError for no number: it would be read as empty."""
    if not _SIZE.fullmatch(text):
        raise _strange()
    return int(text)


def _etag(text: str) -> str:
    """Return a version that can stand in a header (RFC 9110, section 8.8.3); raise ConnectorError for another."""
    if not _ETAG.fullmatch(text):
        raise _strange()
    return text


def _bare(etag: str) -> str:
    """Return a version without its quotes, which some services leave out in some places."""
    return etag.removeprefix("W/").strip('"')


def _strange() -> ConnectorError:
    return ConnectorError("connection", "what answers does not speak S3", "check `endpoint`")


def _listed(page: ElementTree.Element) -> Callable[[ElementTree.Element], Listed]:
    """Return how a page spells an object; some services ignore that keys shall be encoded, and say so."""
    encoded = text_of(page, "EncodingType") == "url"

    def one(item: ElementTree.Element) -> Listed:
        key = text_of(item, "Key")
        size, etag = _size(text_of(item, "Size")), _etag(text_of(item, "ETag"))
        return Listed(unquote_plus(key) if encoded else key, size, etag)

    return one
