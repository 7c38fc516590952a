"""Read the fields of a body and collect their errors, in Laravel's wording and format."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from postboost_provider.sandbox.core.responses import invalid


class Fields:
    """The fields of one object. Errors are collected under dotted names and raised together."""

    def __init__(
        self, values: Mapping[str, Any], errors: dict[str, list[str]] | None = None, prefix: str = ""
    ) -> None:
        self.values = values
        self.errors: dict[str, list[str]] = {} if errors is None else errors
        self.prefix = prefix

    def inside(self, name: str, value: Any) -> Fields:
        """Return the fields of an object inside this one. Both share their errors."""
        if not isinstance(value, Mapping):
            self.add_error(name, f"The {name} field must be an array.")
            value = {}
        return Fields(value, self.errors, f"{self.prefix}{name}.")

    def add_error(self, name: str, message: str) -> None:
        self.errors.setdefault(self.prefix + name, []).append(message)

    def raise_errors(self) -> None:
        """Respond with 422 if there are errors."""
        if self.errors:
            raise invalid(self.errors)

    def present(self, name: str, *, required: bool = False) -> Any:
        """Return the value; null, an empty text and an empty list count as absent, as in Laravel."""
        value = self.values.get(name)
        if value is None or value in ("", [], {}):
            self._check(name, not required, "is required")
            return None
        return value

    def _check(self, name: str, is_valid: bool, problem: str) -> bool:
        """Return whether the field is valid; if not, add the error."""
        if not is_valid:
            self.add_error(name, f"The {name.replace('_', ' ')} field {problem}.")
        return is_valid

    def text(self, name: str, *, required: bool = False, max_length: int | None = None) -> str | None:
        value = self.present(name, required=required)
        if value is None or not self._check(name, isinstance(value, str), "must be a string"):
            return None
        fits = max_length is None or len(value) <= max_length
        return (
            str(value)
            if self._check(name, fits, f"must not be greater than {max_length} characters")
            else None
        )

    def integer(self, name: str, *, required: bool = False, minimum: int = 0) -> int | None:
        value = as_integer(self.present(name, required=required))
        if value is None or not self._check(name, is_integer(value), "must be an integer"):
            return None
        return int(value) if self._check(name, value >= minimum, f"must be at least {minimum}") else None

    def number(self, name: str, *, required: bool = False) -> float | None:
        value = as_number(self.present(name, required=required))
        is_valid = value is None or is_integer(value) or isinstance(value, float)
        return value if self._check(name, is_valid, "must be a number") else None

    def boolean(self, name: str, *, required: bool = False) -> bool | None:
        value = as_boolean(self.values.get(name))
        if value is None or value == "":
            self._check(name, not required, "is required")
            return None
        return bool(value) if self._check(name, isinstance(value, bool), "must be true or false") else None

    def items(self, name: str, *, required: bool = False, maximum: int | None = None) -> list[Any]:
        value = self.present(name, required=required)
        if value is None or not self._check(name, isinstance(value, list), "must be an array"):
            return []
        fits = maximum is None or len(value) <= maximum
        return list(value) if self._check(name, fits, f"must not have more than {maximum} items") else []

    def ids(self, name: str, known: Container[int], noun: str, *, maximum: int | None = None) -> list[int]:
        """Return a list of known integer ids."""
        found = []
        for index, sent in enumerate(self.items(name, maximum=maximum)):
            value = as_integer(sent)
            if not is_integer(value):
                self.add_error(f"{name}.{index}", f"The {name}.{index} field must be an integer.")
            elif value not in known:
                self.add_error(f"{name}.{index}", f"The selected {noun} is invalid.")
            elif value not in found:
                found.append(value)
        return found

    def choice(self, name: str, allowed: Container[str], *, required: bool = False) -> str | None:
        value = self.text(name, required=required)
        if value is not None and value not in allowed:
            self.add_error(name, f"The selected {name.replace('_', ' ')} is invalid.")
            return None
        return value

    def choices(self, name: str, allowed: tuple[str, ...], *, required: bool = False) -> list[str]:
        found = []
        for index, value in enumerate(self.items(name, required=required)):
            if value not in allowed:
                self.add_error(f"{name}.{index}", f"The selected {name}.{index} is invalid.")
            else:
                found.append(value)
        return found

    def day(self, name: str, *, required: bool = False) -> date | None:
        value = self.present(name, required=required)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # 2026-02-30 has the right format and does not exist
        self.add_error(name, f"The {name.replace('_', ' ')} does not match the format Y-m-d.")
        return None

    def instant(self, name: str, *, required: bool = False) -> datetime | None:
        """Return a date-time in UTC, which is also its default zone."""
        value = self.text(name, required=required)
        if value is None:
            return None
        try:
            # An unescaped plus sign in a query arrives as a space.
            moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", value))
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the first hours of year 1 are out of range in UTC
            self._check(name, False, "must be a valid date")
            return None

    def timezone(self, name: str, default: str) -> ZoneInfo:
        value = self.present(name) or default
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError, TypeError, OSError):
            self.add_error(name, "The timezone field must be a valid timezone.")
            return ZoneInfo(default)

    def moment(self, zone: ZoneInfo, *, required: bool = False) -> datetime | None:
        """Return ``date`` and ``time``, read in that zone, in UTC; None unless both are given."""
        day = self.day("date", required=required)
        clock = self.text("time", required=required)
        if clock is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", clock):
            self.add_error("time", "The time does not match the format H:i.")
            return None
        if day is None or clock is None:
            return None
        return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=zone).astimezone(UTC)


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def as_integer(value: Any) -> Any:
    """Return a text of digits as an integer, as Laravel's rule accepts it; any other value as it is."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) else value


def as_number(value: Any) -> Any:
    """Return a text that is a number as a number, as Laravel's rule accepts it; any other value as it is."""
    is_decimal = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}\.[0-9]{1,18}", value)
    return float(value) if is_decimal else as_integer(value)


def as_boolean(value: Any) -> Any:
    """Return 0, 1, "0" and "1" as a boolean, as Laravel's rule accepts them; any other value as it is."""
    is_bit = (is_integer(value) and value in (0, 1)) or (isinstance(value, str) and value in ("0", "1"))
    return bool(int(value)) if is_bit else value
