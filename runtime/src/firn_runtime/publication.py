"""What names one write, so that it is published once: whoever meets it again recognises it."""

from typing import NamedTuple


class Publication(NamedTuple):
    """One step's write in one run. Its attempts and every resumption of the run are the same publication."""

    flow: str
    run: str
    job: str
    step: str
    fingerprint: str
    """The step's data fingerprint: another one is another publication."""
    artifact: str
    """Digest of the artifact that publishes."""
    attempt: int = 1
    fence: int = 0
    """Token of the lease under which the run works; a sink that knows a higher one of this flow refuses."""

    @property
    def stage(self) -> str:
        """A name for what is staged before it is published; no other attempt uses it."""
        return f"{self.run}-{self.job}-{self.step}-{self.attempt}"
