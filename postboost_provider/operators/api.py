"""Send any operation of PostBoost's API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from postboost_provider.api.errors import PostBoostConfigError, UnexpectedResponseError
from postboost_provider.operators.base import DOWNLOAD_SECONDS
from postboost_provider.operators.publishing import PublishingOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.operations import Operation
    from postboost_provider.api.requests import FilePart


class PostBoostOperator(PublishingOperator):
    """Send one of PostBoost's 222 API operations, and return the response.

    A later attempt does not do it again: the task sends an idempotency key, or reads PostBoost's activity log first.
    ``docs/any-operation.md`` describes both, and ``docs/operations.md`` lists the operations.

    :param operation: the operation's name, such as ``create_tag``. Checked when the DAG is parsed, therefore not templated.
    :param parameters: path and query parameters by name, such as ``{"tag_uuid": ...}``. The workspace is the
        connection's unless ``workspace_uuid`` is given. Templated.
    :param body: the JSON body: a mapping, or its JSON text. Where the operation takes a file, such as ``file`` of
        ``upload_media``, that field is a path or an ``ObjectStoragePath`` URI. Templated.
    :param all_pages: read all pages of a list and return all items, in place of one page.
    :param result: the part of the response that is pushed to XCom: a function of the response, or a path such as ``data.uuid``. A
        name picks from a mapping, or from each item of a list; a number picks an item.
    :param save_to: a path or an ``ObjectStoragePath`` URI, for a large response or a file. With ``all_pages``, the file
        has one JSON object per line. An existing file is replaced when the new one is complete. Templated.
    :param secret_sink: what stores a secret that PostBoost shows once (``create_api_key``,
        ``create_webhook_subscription``): a function of the secret, and of the response without it.
    :param idempotency_salt: any text; with another text, the task sends the operation again. Templated.
    :param on_unknown: what to do if an earlier attempt may have sent it, but that is unknown: ``fail``, or ``send`` it
        again.
    :param file_mode: the permissions of a local file, such as ``0o600``. Default: those of the umask.
    :param object_storage_conn_id: the Airflow connection for files on object storage. Templated.
    :param postboost_conn_id: the PostBoost connection. 43 of the 54 free tools need none. Templated.
    :xcom return_value: (Any) The response as PostBoost documents it, or what ``result`` picks. With ``save_to``: ``path``,
        ``size`` in bytes, and with ``all_pages`` the number of ``items``.
    :raises PostBoostConfigError: the operation does not exist; raised when the DAG is parsed.
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
        on_unknown: Literal["fail", "send"] = "fail",
        file_mode: int | None = None,
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # The only check that is made here: a mistyped name is an error when the DAG is parsed.
        _operation(operation)
        self.operation = operation
        self.parameters = parameters
        self.body = body
        self.all_pages = all_pages
        self.result = result
        self.save_to = save_to
        self.secret_sink = secret_sink
        self.idempotency_salt = idempotency_salt
        self.on_unknown = on_unknown
        self.file_mode = file_mode
        self.object_storage_conn_id = object_storage_conn_id

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Check the name of a mapped task as well, which is created only when it runs."""
        if "operation" in kwargs:
            _operation(kwargs["operation"])
        return super().partial(**kwargs)

    def client(self) -> PostBoostClient:
        connect = partial(self.hook.client, needs_token=_operation(self.operation).needs_token)
        return connect(deadline_seconds=DOWNLOAD_SECONDS) if self.save_to else connect()

    def prepare(self, context: Context) -> Callable[[PostBoostClient], Any]:
        from postboost_provider.api import requests
        from postboost_provider.api.safety import publishes
        from postboost_provider.api.settings import ClientSettings

        op = _operation(self.operation)
        self._check(op)
        body, files = self._body(op)
        call: dict[str, Any] = {"parameters": self.parameters, "body": body, "files": files}
        # With settings that stand for any connection's: names are checked before it is read.
        request = requests.prepare(ClientSettings(token="", workspace_uuid="any"), op.operation, **call)
        stale = self.stale_check(context)(publishes(request))

        def act(api: PostBoostClient) -> Any:
            send = partial(self._send, api, op, context, call, stale)
            if self.save_to:
                return self._save(api, op, self.save_to, send)
            found = send()
            if self.result is None:
                return found
            return self.result(found) if callable(self.result) else _pick(op.operation, found, self.result)

        return act

    def _check(self, op: Operation) -> None:
        """Check that the arguments fit the operation and each other."""
        name, given = op.operation, self.parameters
        from postboost_provider.airflow_support.storage import check_file_mode
        from postboost_provider.api.arguments import check_choice

        check_choice("on_unknown", self.on_unknown, ("fail", "send"))
        problems = {}
        if given is not None and not isinstance(given, Mapping):
            problems["parameters"] = f"parameters is {given!r}; it must be a mapping."
        if self.all_pages and not op.is_list:
            problems["all_pages"] = f"{name} does not return a list. Remove all_pages."
        if op.is_read and self.body:
            problems["body"] = f"{name} takes no body. Pass its values as parameters."
        if op.response == "binary" and not self.save_to:
            problems["save_to"] = f"{name} returns a file, which can't be an XCom. Set save_to."
        if self.save_to and self.result is not None:
            problems["result"] = (
                "save_to and result are both given. Remove one: result can't pick from a saved file."
            )
        if op.secret and not callable(self.secret_sink):
            problems["secret_sink"] = (
                f"{name} returns a secret that PostBoost shows once. Pass secret_sink: a function of the secret and of the "
                "rest of the response, which stores the secret in your secrets backend. Nothing was sent."
            )
        for field, problem in problems.items():
            raise PostBoostConfigError(problem, code="misplaced_argument", field=field)
        check_file_mode(self.file_mode, self.save_to or "")

    def _body(self, op: Operation) -> tuple[dict[str, Any] | None, dict[str, FilePart] | None]:
        body = self.body
        if isinstance(body, str):
            try:
                body = json.loads(body) if body.strip() else None
            except ValueError as error:
                raise PostBoostConfigError(
                    f"body is not JSON ({error}). Render it with | tojson, or pass a mapping.", field="body"
                ) from error
        if body is None:
            return None, None
        if not isinstance(body, Mapping):
            kind = type(body).__name__
            raise PostBoostConfigError(
                f"body is a {kind}; it must be a mapping, or its JSON text.", field="body"
            )
        files = {name: self._file(str(body[name])) for name in op.files if body.get(name)}
        return {name: value for name, value in body.items() if name not in op.files}, files or None

    def _file(self, path: str) -> FilePart:
        import mimetypes

        from postboost_provider.airflow_support.storage import find_file
        from postboost_provider.api.requests import FilePart
        from postboost_provider.services.media.file_content import reading

        file = find_file(path, None, self.object_storage_conn_id)
        with reading(path, "body"):
            file.open().close()
        name = path.rpartition("/")[2]
        return FilePart(name, mimetypes.guess_type(name)[0] or "application/octet-stream", file.open)

    def _send(
        self, api: PostBoostClient, op: Operation, context: Context, call: Mapping[str, Any], stale: str
    ) -> Any:
        from postboost_provider.idempotency.perform import find_done, perform_operation

        if self.all_pages:
            return list(api.pages(op.operation, parameters=self.parameters))
        actor = self.actor(context)
        given = {name: value for name, value in (self.parameters or {}).items() if value is not None}
        if stale and not find_done(api, actor, op.operation, given):
            self.refuse_stale(stale)
        response = perform_operation(
            api,
            actor,
            op.operation,
            since=None if op.retryable else self.since_first_attempt(context, actor),
            send_unknown=self.on_unknown == "send",
            **call,
        )
        return self._store_secret(op, response) if op.secret else response

    def _save(
        self, api: PostBoostClient, op: Operation, path: str, send: Callable[[], Any]
    ) -> dict[str, Any]:
        from postboost_provider.airflow_support.storage import locate, replacing

        saved: dict[str, Any] = {"path": path}
        with replacing(path, self.object_storage_conn_id, self.file_mode) as open_file:
            if op.is_read and not self.all_pages:
                api.download(op.operation, open_file, parameters=self.parameters)
            else:
                # Opened before anything is sent: what can't be saved is not requested.
                with open_file() as file:
                    if self.all_pages:
                        saved["items"] = 0
                        for saved["items"], item in enumerate(
                            api.pages(op.operation, parameters=self.parameters), 1
                        ):
                            file.write(_as_json(item) + b"\n")
                    else:
                        file.write(_as_json(send()))
        saved["size"] = locate(path, self.object_storage_conn_id).stat().st_size
        self.log.info("Saved %s to %s (%d bytes).", op.operation, path, saved["size"])
        return saved

    def _store_secret(self, op: Operation, response: Any) -> Any:
        """Give the secret to the sink, and return the response without it."""
        from postboost_provider.airflow_support.compat import mask_secret

        envelope, _, name = str(op.secret).partition(".")
        try:
            created = dict(response[envelope])
            secret = str(created.pop(name))
        except (KeyError, TypeError, ValueError):
            raise UnexpectedResponseError(
                f"{op.operation}: PostBoost's response has no {op.secret}.", code="no_secret"
            ) from None
        mask_secret(secret)
        rest = {**response, envelope: created}
        try:
            self.secret_sink(secret, rest)  # type: ignore[misc]  # checked in _check
            return rest
        except Exception as error:  # noqa: BLE001 - reported below without the secret, which it may contain
            problem = f"{type(error).__name__}: {error}".replace(secret, "***")
        # Outside of the block above, which would chain the original error, with the secret.
        raise PostBoostConfigError(
            f"{op.operation} created {created}, but secret_sink failed and the secret is lost ({problem}). Delete it in "
            "PostBoost, fix secret_sink, and give the task another idempotency_salt.",
            code="secret_lost",
            field="secret_sink",
        )


def _operation(name: str) -> Operation:
    from postboost_provider.api.operations import get_operation

    return get_operation(name)


def _pick(operation: str, response: Any, path: str) -> Any:
    """Return the part of a response that a path such as ``data.0.uuid`` leads to."""
    found = response
    for step in path.split("."):
        try:
            if isinstance(found, list):
                found = found[int(step)] if step.isdigit() else [item[step] for item in found]
            else:
                found = found[step]
        except (KeyError, IndexError, TypeError):
            seen = ", ".join(found) if isinstance(found, dict) else repr(found)
            if isinstance(found, list):
                seen = f"a list of {len(found)}"
            raise PostBoostConfigError(
                f"{operation} succeeded, but its response has no {step!r} for result={path!r}; it has: {seen}.",
                code="not_in_response",
                field="result",
            ) from None
    return found


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
