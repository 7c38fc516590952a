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
            if required:
                self.add_error(name, f"The {name.replace('_', ' ')} field is required.")
            return None
        return value

    def text(self, name: str, *, required: bool = False, max_length: int | None = None) -> str | None:
        value = self.present(name, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.add_error(name, f"The {name.replace('_', ' ')} field must be a string.")
            return None
        if max_length is not None and len(value) > max_length:
            words = name.replace("_", " ")
            self.add_error(name, f"The {words} field must not be greater than {max_length} characters.")
            return None
        return value

    def integer(self, name: str, *, required: bool = False, minimum: int = 0) -> int | None:
        """Return a whole number; forms send it as digits."""
        value = self.present(name, required=required)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            value = int(value)
        if not is_integer(value):
            self.add_error(name, f"The {name.replace('_', ' ')} field must be an integer.")
            return None
        if value < minimum:
            self.add_error(name, f"The {name.replace('_', ' ')} field must be at least {minimum}.")
            return None
        return int(value)

    def number(self, name: str, *, required: bool = False) -> float | None:
        value = self.present(name, required=required)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            return value
        self.add_error(name, f"The {name.replace('_', ' ')} field must be a number.")
        return None

    def boolean(self, name: str, *, required: bool = False) -> bool | None:
        value = self.values.get(name)
        if value is None:
            if required:
                self.add_error(name, f"The {name.replace('_', ' ')} field is required.")
            return None
        if not isinstance(value, bool):
            self.add_error(name, f"The {name.replace('_', ' ')} field must be true or false.")
            return None
        return value

    def items(self, name: str, *, required: bool = False, maximum: int | None = None) -> list[Any]:
        value = self.present(name, required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            self.add_error(name, f"The {name.replace('_', ' ')} field must be an array.")
            return []
        if maximum is not None and len(value) > maximum:
            self.add_error(
                name, f"The {name.replace('_', ' ')} field must not have more than {maximum} items."
            )
            return []
        return value

    def ids(self, name: str, known: Container[int], noun: str, *, maximum: int | None = None) -> list[int]:
        """Return a list of known integer ids. A text of digits is not an integer."""
        found = []
        for index, value in enumerate(self.items(name, maximum=maximum)):
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
            self.add_error(name, f"The {name.replace('_', ' ')} field must be a valid date.")
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
