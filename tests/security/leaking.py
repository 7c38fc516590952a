"""Operators that leak on purpose, to prove that the searches find what is there."""

from __future__ import annotations

import base64
import logging
from typing import Any
from urllib.parse import quote

from postboost_provider.operators.api import PostBoostOperator

log = logging.getLogger(__name__)


class Returning(PostBoostOperator):
    def execute(self, context: Any) -> Any:
        return {"used": self.hook.settings().token}


class Logging(PostBoostOperator):
    def execute(self, context: Any) -> Any:
        log.debug("with %s...", self.hook.settings().token[:8])


class Failing(PostBoostOperator):
    def execute(self, context: Any) -> Any:
        encoded = base64.b64encode(f"Bearer {self.hook.settings().token}".encode()).decode()
        try:
            raise KeyError(encoded)
        except KeyError as error:
            raise ValueError("An error whose cause leaks.") from error


class Pushing(PostBoostOperator):
    def execute(self, context: Any) -> Any:
        context["ti"].xcom_push("url", f"https://postboost.invalid/?t={quote(self.hook.settings().token)}")


class Keeping(PostBoostOperator):
    def execute(self, context: Any) -> Any:
        self.body = {"secret": self.hook.settings().token.partition("|")[2]}


LEAKING = [Returning, Logging, Failing, Pushing, Keeping]
