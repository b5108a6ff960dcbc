"""XML that a server answers with: without document types, entities or name spaces."""

from xml.etree import ElementTree


def parsed(body: bytes) -> ElementTree.Element:
    """Return a document's root, without name spaces; an empty one for what is no document."""
    if b"<!DOCTYPE" in body:
        return ElementTree.Element("none")
    try:
        text = body.decode()  # whatever encoding it states: another could hide a document type
        root = ElementTree.fromstring(text)  # noqa: S314  # no document type, so no entities
    except (ElementTree.ParseError, UnicodeDecodeError):
        return ElementTree.Element("none")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def text_of(element: ElementTree.Element, name: str) -> str:
    """Return the text of the first element of this name below; empty where there is none."""
    return (element.findtext(f".//{name}") or "").strip() if name != "Key" else element.findtext(name) or ""
