"""Bring images, videos and PDFs into PostBoost's media library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError
from postboost_provider.operators.base import BasePostBoostOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.media.upload import Medium

RESULT_FIELDS = ("uuid", "name", "type", "mime_type", "size", "url")


class PostBoostUploadMediaOperator(BasePostBoostOperator):
    """Bring files into PostBoost's media library, and return their ids to post them by.

    A file of up to 10 MB is sent in one request, a larger one in chunks as it is read, and a URL is fetched by
    PostBoost itself. However often the task is tried, each is one media item; up to 10 MB the same file under the same
    name is one within 24 hours, whoever asks. Flows and limits are described in ``docs/media.md``.

    Returns one ``{"id", "uuid", "name", "type", "mime_type", "size", "url"}`` for each of ``media``, in its order. ``id``
    is the number that posts take.

    :param media: paths, ``ObjectStoragePath`` URIs (``s3://``, ``gs://``, ``file://`` ...), http(s) URLs, or uuids of items
        that are in the library already; one, or a list. Every file is checked before anything is sent. Templated.
    :param alt_text: what the media show, for those who don't see them: one text for all, or a list with one (or None)
        for each. At most 500 characters. Templated.
    :param folder: the folder of the library to put them in: a name, or a path such as ``Campaigns/Autumn``; made when
        missing. Default: the top. Templated.
    :param wait_for_processing: wait until videos are converted, so that they can be posted. Default True.
    :param timeout: how long to wait for each of the media to be fetched from its URL, and to be converted. Default 30
        minutes.
    :param object_storage_conn_id: the Airflow connection for files on object storage. Templated.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowFailException: a file can't be read or is refused; no retry can mend it.
    :raises PostBoostError: something that a retry can mend; it uploads nothing twice.
    """

    template_fields: Sequence[str] = (
        "media",
        "alt_text",
        "folder",
        "object_storage_conn_id",
        "postboost_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"media": "json", "alt_text": "json"}
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        media: str | Sequence[str],
        alt_text: str | Sequence[str | None] | None = None,
        folder: str | None = None,
        wait_for_processing: bool = True,
        timeout: timedelta | float = timedelta(minutes=30),
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.media = media
        self.alt_text = alt_text
        self.folder = folder
        self.wait_for_processing = wait_for_processing
        self.timeout = timeout
        self.object_storage_conn_id = object_storage_conn_id

    def prepare(self, context: Context) -> Callable[[PostBoostClient], list[dict[str, Any]]]:
        from postboost_provider.api.arguments import argument, read_seconds
        from postboost_provider.services.media.folders import folder_uuid
        from postboost_provider.services.media.upload import bring, check_alt_text, media_id, wait_until_ready

        names = self._names()
        texts = self._alt_texts(len(names))
        with argument("alt_text"):
            for text in texts:
                check_alt_text(text)
        seconds = read_seconds("timeout", self.timeout)
        with argument("media"):
            media = [self._read(name) for name in names]

        def act(api: PostBoostClient) -> list[dict[str, Any]]:
            folder = folder_uuid(api, self.folder) if self.folder and self.folder.strip() else None
            items = []
            for number, (medium, text) in enumerate(zip(media, texts, strict=True), 1):
                self.log.info("Uploading %d of %d: %s", number, len(media), medium.name)
                salt = self._salt(context, number)
                items.append(bring(api, medium, alt_text=text, folder=folder, salt=salt, timeout=seconds))
            if self.wait_for_processing:
                items = [wait_until_ready(api, item, seconds) for item in items]
            return [{"id": media_id(item), **{k: item.get(k) for k in RESULT_FIELDS}} for item in items]

        return act

    def _names(self) -> list[str]:
        from postboost_provider.api.arguments import read_text

        given = read_text(self.media)
        # An ObjectStoragePath or a Path is a single one.
        names = list(given) if isinstance(given, (list, tuple)) else [given]
        texts = ["" if name is None or isinstance(name, Mapping) else str(name).strip() for name in names]
        if not all(texts):
            raise PostBoostConfigError(
                f"media is {given!r}; it must be a path, a URI or a URL, or a list of them.",
                code="not_media",
                field="media",
            )
        return texts

    def _alt_texts(self, count: int) -> list[str | None]:
        from postboost_provider.api.arguments import read_text

        given = read_text(self.alt_text)
        if given is None or isinstance(given, str):
            return [(given or "").strip() or None] * count
        if not isinstance(given, (list, tuple)) or not all(
            text is None or isinstance(text, str) for text in given
        ):
            raise PostBoostConfigError(
                f"alt_text is {given!r}; it must be a text, or a list of texts and None.",
                code="not_text",
                field="alt_text",
            )
        texts = [(text or "").strip() or None for text in given]
        if len(texts) != count:
            raise PostBoostConfigError(
                f"alt_text has {len(texts)} texts for {count} media. Give one for each (None for none), or one text for all.",
                code="wrong_number",
                field="alt_text",
            )
        return texts

    def _read(self, name: str) -> Medium:
        from postboost_provider.airflow_support.storage import find_file
        from postboost_provider.services.media.upload import read_medium

        try:
            return read_medium(
                name, lambda path: find_file(path, None, self.object_storage_conn_id), quick=True
            )
        except PostBoostError:
            raise
        except Exception as error:
            # Each storage has exceptions of its own.
            raise PostBoostConfigError(
                f"{name} can't be read ({type(error).__name__}: {error}). Correct the path; for a file on object storage, "
                "install the Airflow provider of that storage, such as apache-airflow-providers-amazon[s3fs] for s3://, "
                "and set object_storage_conn_id."
            ) from error

    def _salt(self, context: Context, number: int) -> str:
        """Return the salt that separates this run's URLs and large files from the next run's: they may change."""
        ti = context["ti"]
        return "\n".join(str(part) for part in (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, number))
