"""Secrets as files in a mount: Kubernetes volumes, Docker's and systemd's folders, plain files.

A path never leaves its mount, and all keys of a reference are read out of one state of its folder.
"""

from contextlib import ExitStack

from firn_runtime.secret_sources import beneath
from firn_runtime.secret_sources.beneath import Place, Vanished
from firn_runtime.secret_sources.mounts import Mount
from firn_runtime.secret_sources.value import MAX_BYTES, Found, Unusable, secret_of

LISTED = 10
_REPLACED = "was replaced while it was read"


class MountedFiles:
    """A mount, while one reference is looked up in it: each folder is opened once, so that its keys belong together."""

    def __init__(self, mount: Mount, opened: ExitStack) -> None:
        self._mount, self._opened = mount, opened
        self._folders: dict[str, Place | None] = {}

    def find(self, ref: str, key: str | None, *, allow_short: bool = False) -> Found | None:
        """Return a secret; None where there is none; raise Unusable, and Vanished where one must begin again."""
        for name in self._mount.places(ref, key):
            shown = str(self._mount.path / name)
            try:
                place = self._place(name)
                if place is not None:
                    return self._found(place, shown, allow_short)
            except Unusable as error:
                raise type(error)(f"`{shown}` {error}") from None
            except FileNotFoundError:
                raise Vanished(f"`{shown}` {_REPLACED}") from None
            except OSError as error:
                raise Unusable(f"`{shown}` cannot be read ({error.strerror})") from None
        return None

    def _place(self, name: str) -> Place | None:
        """Return where a path ends; None where there is nothing, now as when its folder was opened."""
        folder, _, last = name.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._open(folder)
        start = self._folders[folder]
        found = beneath.find(start, last, self._opened) if start else None
        if found is None and not _same(start, self._open(folder)):
            raise Vanished(_REPLACED)
        return found

    def _open(self, name: str) -> Place | None:
        """Open a folder of the mount, or the mount itself; None where there is none."""
        try:
            found = beneath.root(self._mount.path, self._opened)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if name == "":
            return found
        folder = beneath.find(found, name, self._opened)
        return beneath.published(folder, self._opened) if folder and not folder.name else None

    def _found(self, place: Place, shown: str, allow_short: bool) -> Found:
        if not place.name:
            names = [f"`{name}`" for name in beneath.entries(place) if not name.startswith(".")]
            if not names:
                raise Unusable("is an empty folder: Kubernetes makes one for a `subPath` that the volume does not have")
            more = ["…"] if len(names) > LISTED else []
            raise Unusable(f"is a folder: name one of its keys ({', '.join(names[:LISTED] + more)})")
        secret = secret_of(beneath.content(place, MAX_BYTES), allow_short=allow_short)
        unsafe = not self._mount.flat and beneath.exposed(place)
        return Found(secret, "mount", shown, f"`{shown}` can be read by its group or by others" if unsafe else "")


def _same(one: Place | None, other: Place | None) -> bool:
    return beneath.same(one, other) if one and other else one is other
