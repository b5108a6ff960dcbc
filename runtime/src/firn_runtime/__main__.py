"""`firn`, and `python -m firn_runtime`."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the current folder: what lies there is data, whatever it is named

from firn_runtime.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
