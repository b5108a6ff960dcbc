"""Reading a file that anyone may have put there: only a regular one, only so much of it, and without ever waiting."""

import os
import stat

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def plain_content(path: str | os.PathLike[str], limit: int, *, folder: int | None = None) -> bytes | None:
    """Return a file's bytes, of a larger one `limit` and one more; None where it is no regular file; raise OSError.

    With `folder`, a descriptor, the path is a name in it, and no symbolic link is followed.
    """
    handle = os.open(path, _FLAGS | (0 if folder is None else os.O_NOFOLLOW), dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read(limit + 1)
    finally:
        os.close(handle)
