"""What tests need of strace, which follows a run and hurts it at a call."""

import os
import shutil

import pytest

by_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
by_strace_of_paths = pytest.mark.skipif(
    shutil.which("strace") is None or os.geteuid() != 0,
    reason="which files a process has that cannot be dumped, Linux tells root's strace alone",
)
"""For calls that are told apart by their files: a run cannot be dumped (`docs/redaction.md`)."""
