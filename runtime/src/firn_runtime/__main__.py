"""`firn`, and `python -m firn_runtime`."""

import os
import signal
import sys

TERMINATED = 143

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the current folder: what lies there is data, whatever it is named


def main() -> None:
    """Run the command; who interrupts it while its modules are loaded sees no traceback either."""
    if os.getpid() == 1:  # the kernel ends a container's first process by no signal that it does not handle
        signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    try:
        from firn_runtime.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


__all__ = ["main"]

if __name__ == "__main__":
    main()
