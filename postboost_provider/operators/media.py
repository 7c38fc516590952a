"""Upload images, videos and PDFs to PostBoost's media library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.base import BasePostBoostOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.media.upload import Medium

RESULT_FIELDS = ("uuid", "name", "type", "mime_type", "size", "url")


class PostBoostUploadMediaOperator(BasePostBoostOperator):
    """Upload files to PostBoost's media library, and return the ids to use in posts.

    A retry uploads nothing twice. A file of up to 10 MB with the same name and content is one media item for 24 hours,
    whichever task uploads it. ``docs/media.md`` describes the ways and the limits.

    :param media: paths, ``ObjectStoragePath`` URIs (``s3://``, ``gs://``, ``file://`` ...), http(s) URLs, or uuids of items
        in the library; one, or a list. Every file is checked before anything is sent. Templated.
    :param alt_text: a description for people who can't see the media, of at most 500 characters: one text for all, or a
        list with one (or None) for each. Templated.
    :param folder: the folder of the library: a name, or a path such as ``Campaigns/Autumn``; created if missing.
        Default: the top level. Templated.
    :param wait_for_processing: wait until videos are converted and can be posted.
    :param timeout: how long to wait for each URL and for each video, in seconds or as a timedelta.
    :param on_unknown: what to do with a file that an earlier attempt may have uploaded if PostBoost does not tell, as to a key
        without the ability ``read``: ``fail``, or ``upload`` it again.
    :param object_storage_conn_id: the Airflow connection for files on object storage. Templated.
    :xcom return_value: (list[dict]) For each of ``media``, in its order: ``id`` (the number that posts take), ``uuid``,
        ``name``, ``type``, ``mime_type``, ``size`` and ``url``.
    :raises AirflowFailException: a file can't be read, or PostBoost refused it.
    """

    template_fields: Sequence[str] = (
        "media",
        "alt_text",
        "folder",
        "object_storage_conn_id",
        "postboost_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"media": "json", "alt_text": "json"}

    def __init__(
        self,
        *,
        media: str | Sequence[str],
        alt_text: str | Sequence[str | None] | None = None,
        folder: str | None = None,
        wait_for_processing: bool = True,
        timeout: timedelta | float = timedelta(minutes=30),
        on_unknown: Literal["fail", "upload"] = "fail",
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.media = media
        self.alt_text = alt_text
        self.folder = folder
        self.wait_for_processing = wait_for_processing
        self.timeout = timeout
        self.on_unknown = on_unknown
        self.object_storage_conn_id = object_storage_conn_id

    def prepare(self, context: Context) -> Callable[[PostBoostClient], list[dict[str, Any]]]:
        from postboost_provider.api.arguments import argument, check_choice, read_seconds
        from postboost_provider.services.media import upload
        from postboost_provider.services.media.folders import folder_uuid
        from postboost_provider.services.media.library import media_id

        check_choice("on_unknown", self.on_unknown, ("fail", "upload"))
        names = self._names()
        texts = self._alt_texts(len(names))
        with argument("alt_text"):
            for text in texts:
                upload.check_alt_text(text)
        seconds = read_seconds("timeout", self.timeout)
        with argument("media"):
            media = [self._read(name) for name in names]

        def act(api: PostBoostClient) -> list[dict[str, Any]]:
            folder = folder_uuid(api, self.folder) if self.folder and self.folder.strip() else None
            again = self.on_unknown == "upload"
            send = partial(upload.upload_media, api, folder=folder, timeout=seconds, upload_again=again)
            items = []
            for number, (medium, text) in enumerate(zip(media, texts, strict=True), 1):
                self.log.info("Uploading %d of %d: %s", number, len(media), medium.name)
                items.append(send(medium, alt_text=text, salt=self._salt(context, number)))
            if self.wait_for_processing:
                items = [upload.wait_until_ready(api, item, seconds) for item in items]
            return [{"id": media_id(item), **{k: item.get(k) for k in RESULT_FIELDS}} for item in items]

        return act

    def _names(self) -> list[str]:
        from postboost_provider.api.arguments import read_text

        given = read_text(self.media)
        # An ObjectStoragePath or a Path is one file.
        names = list(given) if isinstance(given, (list, tuple)) else [given]
        texts = ["" if name is None or isinstance(name, Mapping) else str(name).strip() for name in names]
        if not all(texts):
            raise PostBoostConfigError(
                f"media is {given!r}; it must be a path, a URI or a URL, or a list of them.",
                field="media",
                code="not_media",
            )
        return texts

    def _alt_texts(self, count: int) -> list[str | None]:
        from postboost_provider.api.arguments import read_text

        given = read_text(self.alt_text)
        texts = given if isinstance(given, (list, tuple)) else [given] * count
        if len(texts) != count or not all(text is None or isinstance(text, str) for text in texts):
            problem = f"alt_text is {given!r}; it must be one text, or a list with a text or None for each of {count} media."
            raise PostBoostConfigError(problem, field="alt_text", code="not_alt_texts")
        return [(text or "").strip() or None for text in texts]

    def _read(self, name: str) -> Medium:
        from postboost_provider.airflow_support.storage import find_file
        from postboost_provider.services.media.file_content import reading
        from postboost_provider.services.media.upload import read_medium

        find = lambda path: find_file(path, None, self.object_storage_conn_id)
        with reading(name, "media"):
            return read_medium(name, find, quick=True)

    def _salt(self, context: Context, number: int) -> str:
        """Return the salt that separates this run's URLs and large files from the next run's: they may change."""
        ti = context["ti"]
        return "\n".join(str(part) for part in (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, number))
