"""The workspace that a client works in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.api.errors import NotFoundError, PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.errors import PostBoostRequestError


def check_workspace(
    api: PostBoostClient, error: PostBoostRequestError, workspace_uuid: str | None = None
) -> None:
    """Check that a 404 is about the thing that was asked for: for an unknown workspace PostBoost returns the same.

    :param workspace_uuid: a workspace other than the connection's.
    :raises PostBoostConfigError: the workspace does not exist; ``code`` is ``unknown_workspace``.
    """
    uuid = workspace_uuid or api.settings.workspace_uuid
    try:
        api.call("list_accounts", parameters={"workspace_uuid": workspace_uuid} if workspace_uuid else None)
    except NotFoundError:
        raise PostBoostConfigError(
            f"Workspace {uuid} does not exist, or the token can't see it: PostBoost returned 404. Nothing was deleted. Correct "
            "workspace_uuid in the connection.",
            code="unknown_workspace",
            field="workspace_uuid",
        ) from error
