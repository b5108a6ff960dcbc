"""What a session has left behind, compared with what is promised."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from histories.promise import Content, Reading, after, published, reached, writes_to
from histories.shapes import Flow, Sink


class Seen(NamedTuple):
    """What lies in the sinks, by their steps, and how far the state says that the read has come."""

    sinks: Mapping[str, Content]
    watermark: Any


def judged(flow: Flow, begin: Seen, end: Seen, readings: Sequence[Reading], *, ended: bool) -> Iterator[str]:
    """Yield what is wrong after a session of a run that `begin` was there before, and which may have read these rows.

    `ended` says whether the run has come to its end.
    """
    all_written = True
    for sink in flow.sinks:
        before, found = begin.sinks[sink.step], end.sinks[sink.step]
        asked = [one for one in readings if writes_to(flow, sink, one)]
        whole = [after(before, sink.mode, published(one, flow)) for one in asked]
        may_be_left = not ended or len(asked) < len(readings)
        all_written &= found in whole
        if found not in whole and not (may_be_left and found == before):
            yield _difference(sink, found, whole or [before])
    old, new = begin.watermark, end.watermark
    ends = [reached(one, old) for one in readings]
    if new != old and new not in ends:
        yield f"the watermark is {new}, not {old} or one of {ends}"
    if new != old and not all_written:
        yield f"the watermark has moved from {old} to {new}, and not all sinks hold the rows"
    if new not in ends and ended and all_written:
        yield f"the watermark is still {new}, and not one of {ends}"


def _difference(sink: Sink, found: Content, whole: Sequence[Content]) -> str:
    lacking = min((one - found for one in whole), key=Counter.total)
    beyond = min((found - one for one in whole), key=Counter.total)
    return f"{sink.step} lacks {dict(lacking)}, and holds {dict(beyond)} too much"
