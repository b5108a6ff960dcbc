"""What every refusal has in common, whatever is refused."""

from collections.abc import Callable

import pytest

from firn_runtime.errors import ConnectorError


def refused(act: Callable[..., object], *arguments: object, **inputs: object) -> ConnectorError:
    """Return why something is refused: in lines that can be shown, without a secret, and without another's error."""
    with pytest.raises(ConnectorError) as caught:
        act(*arguments, **inputs)
    error = caught.value
    assert (error.message + error.help).isprintable()
    assert "canary" not in repr((error.message, error.help, error.args)).lower()
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error
