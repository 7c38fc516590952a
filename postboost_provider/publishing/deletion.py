"""Delete posts, or move them to the trash, and see that they are gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from postboost_provider.api.errors import NotFoundError, PermissionDeniedError, UnexpectedResponseError
from postboost_provider.idempotency.workspace import check_workspace
from postboost_provider.polling.outcome import require_post
from postboost_provider.publishing.actions import fetch_outcome

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)


def delete(
    api: PostBoostClient,
    post_uuid: str,
    *,
    trash: bool,
    delete_mode: str,
    client_label: str | None = None,
) -> bool:
    """Delete a post, and return whether it existed: a retry finds it deleted, which is not an error.

    :raises PostBoostConfigError: its workspace does not exist; ``code`` is ``unknown_workspace``.
    :raises UnexpectedResponseError: PostBoost still has it afterwards; ``code`` is ``not_deleted``.
    """
    where, body = {"post_uuid": post_uuid}, {"trash": trash, "delete_mode": delete_mode}
    try:
        api.send("delete_post", parameters=where, body=body, client_label=client_label)
    except NotFoundError as error:
        check_workspace(api, error)
        return False
    # Deleted on the networks only, the post stays in PostBoost.
    if delete_mode != "social_only":
        _check_deleted(api, post_uuid, trash=trash)
    return True


def trash_unpublished(api: PostBoostClient, post_uuid: str, client_label: str | None) -> bool:
    """Move a post to the trash because its task was killed, and return whether it was not published yet.

    :param client_label: the label of the task and ``TRASH``, by which its next attempt knows that nobody else did it.
    """
    if not fetch_outcome(api, post_uuid).can_be_changed:
        return False
    return delete(api, post_uuid, trash=True, delete_mode="app_only", client_label=client_label)


def _check_deleted(api: PostBoostClient, post_uuid: str, *, trash: bool) -> None:
    try:
        post = require_post(api.call("get_post", parameters={"post_uuid": post_uuid}), post_uuid)
    except NotFoundError:
        return
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope":
            raise
        log.warning(
            "Post %s was deleted, but not looked up again: the API key lacks the ability 'read'.", post_uuid
        )
        return
    if not (trash and post.get("trashed")):
        raise UnexpectedResponseError(
            f"PostBoost reported that post {post_uuid} was deleted, but still has it as {post.get('status')!r}. Delete it in "
            "PostBoost.",
            code="not_deleted",
        )
