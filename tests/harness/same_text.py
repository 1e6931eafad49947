"""Tells whether a value of a dataset is the text that a file had for it.

A number may lose zeros, if this does not make two different texts of its column equal. A date may
be written in another form. Every other text must be the same.
"""

import contextlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
CODE = re.compile(r"[+]\d+$|[+-]?0\d")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)?[ T]?(\d\d:\d\d:\d\d)?(?:\.(\d+))?(\+00(?::00)?)?")
DOUBLE_DIGITS = 17
# The formats of dates that DuckDB detects, beside ISO 8601.
FORMATS = [
    day + time
    for day in ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M:%S %p", " %I:%M %p")
] + ["%Y%m%d"]


def digits_of(text: str) -> str:
    return re.sub(r"[eE].*|\D", "", text).lstrip("0")


def is_same_number(found: str, given: str, column: Sequence[str]) -> bool:
    given = given.strip()
    if found.lower() in ("nan", "inf", "-inf"):
        names = {"infinity": "inf", "+infinity": "inf", "-infinity": "-inf", "+inf": "inf"}
        return names.get(given.lower(), given.lower()) == found.lower()
    if not NUMBER.fullmatch(given) or CODE.match(given):
        return False
    try:
        is_equal = Decimal(found) == Decimal(given)
    except InvalidOperation:
        return False
    if not is_equal:
        # A DOUBLE prints the shortest text that is nearest to it.
        is_short = len(digits_of(given)) <= DOUBLE_DIGITS
        return is_short and float(found) == float(given) and abs(float(found)) > 1e-300
    decimals = given.partition(".")[2]
    if "e" in given.lower() or len(decimals) < 2 or not decimals.endswith("0"):
        return True
    plain = [each.strip() for each in column if "." in each and "e" not in each.lower()]
    return len({len(each.partition(".")[2]) for each in plain}) == 1


def is_same_iso(found: str, given: str) -> bool:
    """Returns true if both are the same in ISO 8601, except for zeros and the zone."""
    match = MOMENT.fullmatch(found)
    if not match:
        return False
    day, time, fraction, zone = match.groups()
    given = given.strip()
    if day is None:
        clock = given if given.count(":") == 2 else f"{given}:00"
        whole, _, rest = clock.rpartition(":")
        seconds, _, decimals = rest.partition(".")
        same_clock = f"{whole.zfill(5)}:{seconds}" == time
        return same_clock and decimals.rstrip("0") == (fraction or "").rstrip("0")
    padded = re.sub(r"(?<=-)(\d)(?!\d)", r"0\1", given)
    padded = re.sub(r"(?<=[ T])(\d)(?=:)", r"0\1", padded)
    padded = re.sub(r"\s*UTC$", "+00:00", padded)
    decimals = re.search(r"\.(\d+)", padded)
    padded = re.sub(r"\.\d+", "", padded)
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(padded)
        if moment.tzinfo:
            moment = moment.astimezone(UTC)
        whole = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
        same = whole == f"{day} {time or '00:00:00'}"
        given_decimals = (decimals[1] if decimals else "").rstrip("0")
        found_decimals = (fraction or "").rstrip("0")
        # A time with a zone has microseconds, which a note reports.
        return (
            same
            and bool(moment.tzinfo) == bool(zone)
            and (given_decimals == found_decimals or bool(zone and len(given_decimals) > 6))
        )
    return False


def is_in_format(found: Sequence[str], given: Sequence[str]) -> bool:
    """Returns true if one date format matches all values of a column."""
    for form in FORMATS:
        with contextlib.suppress(ValueError):
            for text, value in zip(found, given, strict=True):
                if value.strip() == "" and text == "":
                    continue
                moment = datetime.strptime(value.strip(), form)
                match = MOMENT.fullmatch(text)
                if not match or f"{moment:%Y-%m-%d}" != match[1]:
                    break
                if f"{moment:%H:%M:%S}" != (match[2] or "00:00:00"):
                    break
            else:
                return True
    return False


def is_same(found: str, given: str, column: Sequence[str]) -> bool:
    """`column` has all texts of the column in the file."""
    return (
        found == given
        or (given.lower() in ("true", "false") and given.lower() == found)
        or is_same_number(found, given, column)
        or is_same_iso(found, given)
    )


def first_difference(found: Sequence[str], given: Sequence[str]) -> str:
    """Returns the first difference between the values of a column, or an empty text."""
    for text, value in zip(found, given, strict=True):
        if not is_same(text, value, given):
            if is_in_format(found, given):
                return ""
            return f"{text!r} instead of {value!r}"
    return ""
