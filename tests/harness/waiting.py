"""Waiting on a condition with a time limit: the only way a test here waits for anything."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Generous, because a loaded machine with two cores is slow; a pass never waits this long.
DEFAULT_LIMIT_S = 20.0
_POLL_S = 0.01


def wait_until(
    condition: Callable[[], T],
    what: str | Callable[[], str],
    limit_s: float = DEFAULT_LIMIT_S,
    poll_s: float = _POLL_S,
) -> T:
    """Returns the first truthy value of `condition`, or fails saying `what` did not come."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {limit_s:g} s: {text}")
        time.sleep(poll_s)
