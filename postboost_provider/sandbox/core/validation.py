"""Read a body's fields and collect what is wrong with them, in Laravel's words and shape."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from postboost_provider.sandbox.core.replies import invalid


class Fields:
    """The fields of one object. What they lack is collected under dotted names, and refused all at once."""

    def __init__(
        self, values: Mapping[str, Any], errors: dict[str, list[str]] | None = None, prefix: str = ""
    ) -> None:
        self.values = values
        self.errors: dict[str, list[str]] = {} if errors is None else errors
        self.prefix = prefix

    def inside(self, name: str, value: Any) -> Fields:
        """Return the fields of an object within this one, whose errors are reported along with this one's."""
        if not isinstance(value, Mapping):
            self.refuse(name, f"The {name} field must be an array.")
            value = {}
        return Fields(value, self.errors, f"{self.prefix}{name}.")

    def refuse(self, name: str, message: str) -> None:
        self.errors.setdefault(self.prefix + name, []).append(message)

    def finish(self) -> None:
        """Refuse with 422 if anything was wrong."""
        if self.errors:
            raise invalid(self.errors)

    def present(self, name: str, *, required: bool = False) -> Any:
        """Return the value; null, an empty text and an empty list count as absent, as in Laravel."""
        value = self.values.get(name)
        if value is None or value in ("", [], {}):
            if required:
                self.refuse(name, f"The {name.replace('_', ' ')} field is required.")
            return None
        return value

    def text(self, name: str, *, required: bool = False, longest: int | None = None) -> str | None:
        value = self.present(name, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(name, f"The {name.replace('_', ' ')} field must be a string.")
            return None
        if longest is not None and len(value) > longest:
            words = name.replace("_", " ")
            self.refuse(name, f"The {words} field must not be greater than {longest} characters.")
            return None
        return value

    def integer(self, name: str, *, required: bool = False, least: int = 0) -> int | None:
        """Return a whole number; in a form it comes as digits."""
        value = self.present(name, required=required)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            value = int(value)
        if not is_integer(value):
            self.refuse(name, f"The {name.replace('_', ' ')} field must be an integer.")
            return None
        if value < least:
            self.refuse(name, f"The {name.replace('_', ' ')} field must be at least {least}.")
            return None
        return int(value)

    def number(self, name: str, *, required: bool = False) -> float | None:
        value = self.present(name, required=required)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            return value
        self.refuse(name, f"The {name.replace('_', ' ')} field must be a number.")
        return None

    def boolean(self, name: str, *, required: bool = False) -> bool | None:
        value = self.values.get(name)
        if value is None:
            if required:
                self.refuse(name, f"The {name.replace('_', ' ')} field is required.")
            return None
        if not isinstance(value, bool):
            self.refuse(name, f"The {name.replace('_', ' ')} field must be true or false.")
            return None
        return value

    def items(self, name: str, *, required: bool = False, most: int | None = None) -> list[Any]:
        value = self.present(name, required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, f"The {name.replace('_', ' ')} field must be an array.")
            return []
        if most is not None and len(value) > most:
            self.refuse(name, f"The {name.replace('_', ' ')} field must not have more than {most} items.")
            return []
        return value

    def ids(self, name: str, known: Container[int], noun: str, *, most: int | None = None) -> list[int]:
        """Return a list of integer ids, each of which has to be known. A text of digits is no integer."""
        found = []
        for index, value in enumerate(self.items(name, most=most)):
            if not is_integer(value):
                self.refuse(f"{name}.{index}", f"The {name}.{index} field must be an integer.")
            elif value not in known:
                self.refuse(f"{name}.{index}", f"The selected {noun} is invalid.")
            elif value not in found:
                found.append(value)
        return found

    def choice(self, name: str, allowed: Container[str], *, required: bool = False) -> str | None:
        value = self.text(name, required=required)
        if value is not None and value not in allowed:
            self.refuse(name, f"The selected {name.replace('_', ' ')} is invalid.")
            return None
        return value

    def choices(self, name: str, allowed: tuple[str, ...], *, required: bool = False) -> list[str]:
        found = []
        for index, value in enumerate(self.items(name, required=required)):
            if value not in allowed:
                self.refuse(f"{name}.{index}", f"The selected {name}.{index} is invalid.")
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
                pass  # 2026-02-30 looks right and is none
        self.refuse(name, f"The {name.replace('_', ' ')} does not match the format Y-m-d.")
        return None

    def instant(self, name: str, *, required: bool = False) -> datetime | None:
        """Return a date-time in UTC, which it is in where it names no zone of its own."""
        value = self.text(name, required=required)
        if value is None:
            return None
        try:
            # A plus sign that was not escaped in a query arrives as a space.
            moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", value))
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the first hours of the year 1 have no place in UTC
            self.refuse(name, f"The {name.replace('_', ' ')} field must be a valid date.")
            return None

    def timezone(self, name: str, default: str) -> ZoneInfo:
        value = self.present(name) or default
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError, TypeError, OSError):
            self.refuse(name, "The timezone field must be a valid timezone.")
            return ZoneInfo(default)

    def moment(self, zone: ZoneInfo, *, required: bool = False) -> datetime | None:
        """Return what ``date`` and ``time`` say in that zone, in UTC; None unless both are there."""
        day = self.day("date", required=required)
        clock = self.text("time", required=required)
        if clock is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", clock):
            self.refuse("time", "The time does not match the format H:i.")
            return None
        if day is None or clock is None:
            return None
        return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=zone).astimezone(UTC)


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
