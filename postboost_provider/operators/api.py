"""Send any of PostBoost's API operations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from postboost_provider.api.errors import PostBoostConfigError, ServerError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.operations import Operation
    from postboost_provider.api.requests import FilePart
    from postboost_provider.idempotency.identity import Actor

# A file takes as long as it takes; each part of it must come within the connection's timeout_seconds.
DOWNLOAD_SECONDS = 3600.0


class PostBoostOperator(RetryPolicyMixin, BaseOperator):
    """Send one of PostBoost's 222 API operations, and return its answer.

    A try of the task that comes later does not do it again: what PostBoost recognises by an idempotency key carries
    one, and what is not safe to repeat is looked for first in PostBoost's activity log. ``docs/any-operation.md`` says
    what that means for which operation, and ``docs/operations.md`` lists them all.

    Returns the answer as PostBoost documents it: a list that is not read whole stays inside its ``data``.

    :param operation: its name, such as ``create_tag``. Checked when the DAG is parsed, so it is not templated.
    :param parameters: path and query parameters by name, such as ``{"tag_uuid": ...}``. The workspace is the
        connection's unless ``workspace_uuid`` is given. Templated.
    :param body: the JSON body: a mapping, or its JSON text. Where the operation takes a file, such as ``file`` of
        ``upload_media``, that field is a path or an ``ObjectStoragePath`` URI. Templated.
    :param all_pages: read a list to its end and return all of its items. Default: the one page that was asked for.
    :param result: what of it goes to XCom: a function of the answer, or the way to it, such as ``data.uuid``. A name
        picks from a mapping, or from each item of a list; a number picks an item.
    :param save_to: a path or an ``ObjectStoragePath`` URI for what is large, or is a file: it is written as it comes, and
        what goes to XCom is ``path`` and ``size`` in bytes. With ``all_pages`` it has one JSON object per line, and
        XCom gets ``items``, their number, too. A file that was there is replaced when the new one is whole. Templated.
    :param secret_sink: what to do with a secret that is shown once (``create_api_key``,
        ``create_webhook_subscription``): a function of the secret, and of the answer without it. It goes nowhere else.
    :param idempotency_salt: something of your own that makes it another act. Templated.
    :param object_storage_conn_id: the Airflow connection for files on object storage. Templated.
    :param postboost_conn_id: the PostBoost connection. 43 of the 54 free tools go without. Templated.
    :raises PostBoostConfigError: when the DAG is parsed: there is no such operation.
    :raises AirflowFailException: anything that no retry can mend.
    :raises PostBoostError: anything that a retry can.
    """

    template_fields: Sequence[str] = (
        "parameters",
        "body",
        "save_to",
        "idempotency_salt",
        "object_storage_conn_id",
        "postboost_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json", "body": "json"}
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | str | None = None,
        all_pages: bool = False,
        result: Callable[[Any], Any] | str | None = None,
        save_to: str | None = None,
        secret_sink: Callable[[str, Any], object] | None = None,
        idempotency_salt: str | None = None,
        object_storage_conn_id: str | None = None,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # The one check that is made here: a mistyped name shows when the DAG is parsed, and not on the day it runs.
        _operation(operation)
        self.operation = operation
        self.parameters = parameters
        self.body = body
        self.all_pages = all_pages
        self.result = result
        self.save_to = save_to
        self.secret_sink = secret_sink
        self.idempotency_salt = idempotency_salt
        self.object_storage_conn_id = object_storage_conn_id
        self.postboost_conn_id = postboost_conn_id

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Check the name of a mapped task, too: it is not made before it runs."""
        if "operation" in kwargs:
            _operation(kwargs["operation"])
        return super().partial(**kwargs)

    def execute(self, context: Context) -> Any:
        op = _operation(self.operation)
        with failing_fast(self):
            self._check(op)
            body, files = self._body(op)
            limits = {"deadline_seconds": DOWNLOAD_SECONDS} if self.save_to else {}
            with PostBoostHook(self.postboost_conn_id).client(needs_token=op.needs_token, **limits) as api:

                def send() -> Any:
                    if self.all_pages:
                        return list(api.pages(op.operation, parameters=self.parameters))
                    return self._send(api, op, context, body, files)

                if self.save_to:
                    return self._save(api, op, self.save_to, send)
                found = send()
            if self.result is None:
                return found
            return self.result(found) if callable(self.result) else _pick(op.operation, found, self.result)

    def _check(self, op: Operation) -> None:
        """Refuse what could not be kept, before anything is sent."""
        if self.parameters is not None and not isinstance(self.parameters, Mapping):
            raise PostBoostConfigError(f"parameters is {self.parameters!r}; it must be a mapping.")
        if self.all_pages and not op.is_list:
            raise PostBoostConfigError(f"{op.operation} does not answer with a list: leave out all_pages.")
        if op.is_read and self.body:
            raise PostBoostConfigError(f"{op.operation} takes no body: pass its values as parameters.")
        if op.reply == "binary" and not self.save_to:
            raise PostBoostConfigError(
                f"{op.operation} answers with a file, which is nothing for XCom: set save_to."
            )
        if self.save_to and self.result is not None:
            raise PostBoostConfigError(
                "save_to and result exclude each other: what is saved is not picked from."
            )
        if op.secret and not callable(self.secret_sink):
            raise PostBoostConfigError(
                f"{op.operation} answers with a secret that PostBoost shows once, and that must not end up in XCom or "
                "in a log. Pass secret_sink: a function of the secret and of the answer without it, that keeps it in "
                "your secrets backend. Nothing was sent."
            )

    def _body(self, op: Operation) -> tuple[dict[str, Any] | None, dict[str, FilePart] | None]:
        body = self.body
        if isinstance(body, str):
            try:
                body = json.loads(body) if body.strip() else None
            except ValueError as error:
                raise PostBoostConfigError(
                    f"body is no JSON ({error}). Render it with | tojson, or pass a mapping."
                ) from error
        if body is None:
            return None, None
        if not isinstance(body, Mapping):
            raise PostBoostConfigError(
                f"body is of type {type(body).__name__}; it must be a mapping, or the JSON text of one."
            )
        files = {name: self._file(str(body[name])) for name in op.files if body.get(name)}
        return {name: value for name, value in body.items() if name not in op.files}, files or None

    def _file(self, path: str) -> FilePart:
        import mimetypes

        from postboost_provider.airflow_support.storage import find_file
        from postboost_provider.api.requests import FilePart

        file = find_file(path, None, self.object_storage_conn_id)
        try:
            file.open().close()
        except Exception as error:
            # Each storage has exceptions of its own.
            raise PostBoostConfigError(
                f"{path} can't be read ({type(error).__name__}: {error}). Correct the path; for a file on object storage, "
                "install the Airflow provider of that storage and set object_storage_conn_id."
            ) from error
        name = path.rpartition("/")[2]
        return FilePart(name, mimetypes.guess_type(name)[0] or "application/octet-stream", file.open)

    def _send(
        self,
        api: PostBoostClient,
        op: Operation,
        context: Context,
        body: dict[str, Any] | None,
        files: dict[str, FilePart] | None,
    ) -> Any:
        from postboost_provider.idempotency.perform import perform_operation

        answer = perform_operation(
            api,
            self._actor(context),
            op.operation,
            parameters=self.parameters,
            body=body,
            files=files,
            is_retry=self._is_retry(context),
        )
        return self._hand_over(op, answer) if op.secret else answer

    def _save(
        self, api: PostBoostClient, op: Operation, path: str, send: Callable[[], Any]
    ) -> dict[str, Any]:
        from postboost_provider.airflow_support.storage import locate, replacing

        saved: dict[str, Any] = {"path": path}
        with replacing(path, self.object_storage_conn_id) as open_file:
            if op.is_read and not self.all_pages:
                api.download(op.operation, open_file, parameters=self.parameters)
            else:
                # Opened before anything is sent: what can't be kept is not asked for.
                with open_file() as file:
                    if self.all_pages:
                        saved["items"] = 0
                        for item in api.pages(op.operation, parameters=self.parameters):
                            file.write(_as_json(item) + b"\n")
                            saved["items"] += 1
                    else:
                        file.write(_as_json(send()))
        saved["size"] = locate(path, self.object_storage_conn_id).stat().st_size
        self.log.info("%s: %d bytes are in %s", op.operation, saved["size"], path)
        return saved

    def _hand_over(self, op: Operation, answer: Any) -> Any:
        """Give the secret to the sink, and return the answer without it."""
        from postboost_provider.airflow_support.compat import mask_secret

        envelope, _, name = str(op.secret).partition(".")
        try:
            made = dict(answer[envelope])
            secret = str(made.pop(name))
        except (KeyError, TypeError, ValueError):
            raise ServerError(f"{op.operation}: PostBoost's answer has no {op.secret}.", status=200) from None
        mask_secret(secret)
        rest = {**answer, envelope: made}
        try:
            self.secret_sink(secret, rest)  # type: ignore[misc]  # checked before it was sent
            return rest
        except Exception as error:  # noqa: BLE001 - told in other words below: its own may hold the secret
            said = f"{type(error).__name__}: {error}".replace(secret, "***")
        # Outside of the block above, so that it does not bring that error along.
        raise PostBoostConfigError(
            f"{op.operation} made {made}, but secret_sink failed, so that its secret is lost ({said}). Delete it in "
            "PostBoost, mend secret_sink, and give the task another idempotency_salt."
        )

    def _actor(self, context: Context) -> Actor:
        from postboost_provider.idempotency.identity import Actor

        return Actor.of_task(context["ti"], self.idempotency_salt)

    def _is_retry(self, context: Context) -> bool:
        """Whether an earlier try failed by itself. After a person cleared the task the count starts anew."""
        ti = context["ti"]
        first = max(1, int(getattr(ti, "max_tries", 0) or 0) - (self.retries or 0) + 1)
        return int(getattr(ti, "try_number", 1) or 1) > first


def _operation(name: str) -> Operation:
    # Not at module level: it is for the DAG files that have such a task.
    from postboost_provider.api.operations import get_operation

    return get_operation(name)


def _pick(operation: str, answer: Any, way: str) -> Any:
    """Return the part of an answer that a way such as ``data.0.uuid`` leads to."""
    for step in way.split("."):
        try:
            if isinstance(answer, list):
                answer = answer[int(step)] if step.isdigit() else [item[step] for item in answer]
            else:
                answer = answer[step]
        except (KeyError, IndexError, TypeError):
            if isinstance(answer, list):
                what = f"a list of {len(answer)}"
            else:
                what = ", ".join(answer) if isinstance(answer, dict) else repr(answer)
            raise PostBoostConfigError(
                f"{operation} was done, but there is no {step!r} in its answer for result={way!r}; at that place it has: {what}."
            ) from None
    return answer


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
