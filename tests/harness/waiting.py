"""Waits for a condition with a time limit. Tests use this for every wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Large, because a machine with two cores can be slow. Tests that pass never wait this long.
DEFAULT_LIMIT_S = 20.0
_POLL_S = 0.01


def wait_until(
    condition: Callable[[], T],
    what: str | Callable[[], str],
    limit_s: float = DEFAULT_LIMIT_S,
    poll_s: float = _POLL_S,
) -> T:
    """Returns the first truthy value of `condition`, or fails with `what`."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {limit_s:g} s: {text}")
        time.sleep(poll_s)
