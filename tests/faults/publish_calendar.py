"""A process that kills itself: publish a calendar, and end without warning at one of its requests.

Arguments: base URL, workspace, token, rows as JSON, number of the request (0: none), ``before`` or ``after`` it.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import httpx

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.settings import ClientSettings
from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.run import CalendarRun
from postboost_provider.services.media.upload import MediaFile


def find_media(name: str) -> MediaFile:
    def read() -> Any:
        return open(name, "rb")

    return MediaFile(name, read)


base_url, workspace, token, rows, number, moment = sys.argv[1:]
send, numbers = httpx.Client.send, itertools.count(1)


def send_and_die(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
    is_last = next(numbers) == int(number)
    if is_last and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    response = send(self, request, **options)
    if is_last:
        os.kill(os.getpid(), signal.SIGKILL)
    return response


httpx.Client.send = send_and_die  # type: ignore[method-assign]
settings = ClientSettings(token=token, base_url=base_url, workspace_uuid=workspace)
with PostBoostClient(settings) as api:
    run = CalendarRun(api, "spring", find_media=find_media, clock=lambda: datetime.now(UTC))
    report = run.run(read_rows(number_rows(json.loads(rows)), None))
print(json.dumps(report.counts()))
