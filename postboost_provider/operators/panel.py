"""Workspaces, users and members: created, changed and deleted in PostBoost's panel. Each task is safe to retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from postboost_provider.airflow_support.compat import mask_secret
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.base import PanelOperator, WorkspaceChangesOperator, WorkspaceOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.panel.ensure import IfExists

RANDOM_PASSWORD_BYTES = 24


class PostBoostCreateWorkspaceOperator(PanelOperator):
    """Create a workspace, unless its owner already has one with that name.

    :param name: the workspace's name, up to 60 characters. Templated.
    :param workspace_owner: email address or id of its owner, who becomes a member. None: a new workspace has no owner,
        and an existing one may have anyone. Not Airflow's ``owner``. Templated.
    :param access_status: ``subscription``, ``unlimited`` or ``locked``. None: ``subscription`` for a new workspace.
    :param if_exists: ``skip`` uses an existing workspace, ``update`` sets its ``access_status``, ``fail`` fails.
    :xcom return_value: (dict) The workspace as PostBoost shows it, and ``outcome``: ``created``, ``found`` or ``updated``.
    :xcom uuid: (str) The workspace's uuid.
    :raises AirflowFailException: the owner does not exist, several workspaces match, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("name", "workspace_owner", "postboost_conn_id")
    field_arguments: ClassVar[Mapping[str, str]] = {"owner_id": "workspace_owner"}

    def __init__(
        self,
        *,
        name: str,
        workspace_owner: str | int | None = None,
        access_status: Literal["subscription", "unlimited", "locked"] | None = None,
        if_exists: IfExists = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.workspace_owner = workspace_owner
        self.access_status = access_status
        self.if_exists = if_exists

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.api.arguments import check_choice, require_text
        from postboost_provider.services.panel import ensure, users, workspaces

        name = require_text("name", self.name)
        check_choice("if_exists", self.if_exists, ensure.IF_EXISTS)
        if self.access_status is not None:
            check_choice("access_status", self.access_status, workspaces.ACCESS)
        if self.workspace_owner is not None:
            users.check_user("workspace_owner", self.workspace_owner)
        return lambda api: workspaces.ensure_workspace(
            api, name, self.workspace_owner, access_status=self.access_status, if_exists=self.if_exists
        )


class PostBoostUpdateWorkspaceOperator(WorkspaceChangesOperator):
    """Rename a workspace, give it to another owner, or change who has access.

    :param changes: any of ``name``, ``owner`` (email address or id) and ``access_status``; the rest stays. Templated.
    :xcom return_value: (dict) The workspace, and ``outcome``: ``updated``, or ``found`` if nothing differed.
    :xcom uuid: (str) The workspace's uuid.
    """

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.services.panel import ensure, users, workspaces

        ensure.check_changes(self.changes, workspaces.WORKSPACE_FIELDS)
        if "access_status" in self.changes:
            check_choice("access_status", self.changes["access_status"], workspaces.ACCESS)
        if self.changes.get("owner") is not None:
            users.check_user("owner", self.changes["owner"])
        return lambda api: workspaces.update_workspace(api, self.workspace_uuid, self.changes)


class PostBoostDeleteWorkspaceOperator(WorkspaceOperator):
    """Delete a workspace with everything in it, permanently.

    Succeeds if the workspace does not exist and no other one has its name: then the uuid may be mistyped.

    :param confirm_name: the workspace's exact name; nothing is deleted if it differs. Templated.
    :xcom return_value: (bool) Whether the workspace existed.
    :raises AirflowFailException: the workspace has another name, or does not exist and another one has the name.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "confirm_name", "postboost_conn_id")

    def __init__(self, *, confirm_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.confirm_name = confirm_name

    def prepare(self, context: Context) -> Callable[[PostBoostClient], bool]:
        from postboost_provider.api.arguments import require_text
        from postboost_provider.services.panel.workspaces import delete_workspace

        name = require_text("confirm_name", self.confirm_name)
        return lambda api: delete_workspace(api, self.workspace_uuid, name)


class PostBoostAddMemberOperator(WorkspaceOperator):
    """Add a user to a workspace.

    PostBoost does not list the members of a workspace (SDK 1.66.3), but refuses to add a member again.

    :param user: the user's email address or id. Templated.
    :param role: ``admin``, ``member`` or ``viewer``. Templated.
    :param can_approve: whether the user may approve posts.
    :param is_owner: True gives the workspace to the user, False takes it from them. None does not change the owner.
    :param if_exists: ``skip`` leaves an existing member unchanged, ``update`` sets these rights, ``fail`` fails.
    :xcom return_value: (str) ``created``, ``found`` or ``updated``.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "user", "role", "postboost_conn_id")

    def __init__(
        self,
        *,
        user: str | int,
        role: str = "member",
        can_approve: bool = False,
        is_owner: bool | None = None,
        if_exists: IfExists = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.role = role
        self.can_approve = can_approve
        self.is_owner = is_owner
        self.if_exists = if_exists

    def prepare(self, context: Context) -> Callable[[PostBoostClient], str]:
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.services.panel import ensure, users, workspaces

        check_choice("if_exists", self.if_exists, ensure.IF_EXISTS)
        check_choice("role", self.role, workspaces.ROLES)
        users.check_user("user", self.user)
        return lambda api: workspaces.ensure_member(
            api,
            self.workspace_uuid,
            self.user,
            role=self.role,
            can_approve=self.can_approve,
            is_owner=self.is_owner,
            if_exists=self.if_exists,
        )


class PostBoostRemoveMemberOperator(WorkspaceOperator):
    """Remove a user from a workspace. Succeeds if the user is not a member of it; the user's account stays.

    :param user: the user's email address or id. Templated.
    :xcom return_value: (bool) Whether the user was a member.
    :raises AirflowFailException: the workspace does not exist.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "user", "postboost_conn_id")

    def __init__(self, *, user: str | int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user

    def prepare(self, context: Context) -> Callable[[PostBoostClient], bool]:
        from postboost_provider.services.panel import users, workspaces

        users.check_user("user", self.user)
        return lambda api: workspaces.remove_member(api, self.workspace_uuid, self.user)


class PostBoostCreateUserOperator(PanelOperator):
    """Create a user of the platform, unless one with that email address exists. The password is never in the result.

    :param user_email: the email address, which identifies the user. Not Airflow's ``email``. Templated.
    :param name: the user's name, up to 255 characters. Templated.
    :param password_conn_id: an Airflow connection of any type, whose password becomes a new user's first password.
        Default: a random password that nobody learns. Templated.
    :param is_admin: whether the user is a platform admin, with access to the panel. None: False for a new user.
    :param if_exists: ``skip`` uses an existing user, ``update`` sets the name and ``is_admin``, ``fail`` fails.
    :xcom return_value: (dict) The user as PostBoost shows it, and ``outcome``: ``created``, ``found`` or ``updated``.
    :xcom id: (int) The user's id.
    :raises AirflowFailException: ``password_conn_id`` has no password, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("user_email", "name", "password_conn_id", "postboost_conn_id")
    field_arguments: ClassVar[Mapping[str, str]] = {"email": "user_email", "password": "password_conn_id"}

    def __init__(
        self,
        *,
        user_email: str,
        name: str,
        password_conn_id: str | None = None,
        is_admin: bool | None = None,
        if_exists: IfExists = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user_email = user_email
        self.name = name
        self.password_conn_id = password_conn_id
        self.is_admin = is_admin
        self.if_exists = if_exists

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.api.arguments import check_choice, require_text
        from postboost_provider.services.panel import ensure, users

        email, name = users.check_user("user_email", self.user_email), require_text("name", self.name)
        check_choice("if_exists", self.if_exists, ensure.IF_EXISTS)
        # Called for a new user only.
        password = lambda: read_password(self.password_conn_id)
        return lambda api: users.ensure_user(
            api, email, name, password, is_admin=self.is_admin, if_exists=self.if_exists
        )


class PostBoostUpdateUserOperator(PanelOperator):
    """Change a user's name, email address, admin rights or password.

    :param user: the user's email address or id. Templated.
    :param changes: any of ``name``, ``email`` and ``is_admin``; the rest stays. Templated.
    :param password_conn_id: an Airflow connection whose password becomes the user's, at each run. Templated.
    :xcom return_value: (dict) The user, and ``outcome``: ``updated``, or ``found`` if nothing differed.
    :xcom id: (int) The user's id.
    :raises AirflowFailException: the user does not exist, ``password_conn_id`` has no password, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("user", "changes", "password_conn_id", "postboost_conn_id")
    field_arguments: ClassVar[Mapping[str, str]] = {"password": "password_conn_id"}

    def __init__(
        self,
        *,
        user: str | int,
        changes: Mapping[str, Any] | None = None,
        password_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.changes = changes
        self.password_conn_id = password_conn_id

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.services.panel import ensure, users

        users.check_user("user", self.user)
        changes = self.changes or {}
        if changes or not self.password_conn_id:
            ensure.check_changes(changes, users.USER_FIELDS)
        password = read_password(self.password_conn_id) if self.password_conn_id else None
        return lambda api: users.update_user(api, self.user, changes, password)


class PostBoostDeleteUserOperator(PanelOperator):
    """Delete a user permanently; the token's own user can't be deleted.

    Succeeds if the user does not exist and no other one has the name: then the email address may be mistyped.

    :param user: the user's email address or id. Templated.
    :param confirm_name: the user's exact name; nobody is deleted if it differs. Templated.
    :xcom return_value: (bool) Whether the user existed.
    :raises AirflowFailException: the user has another name, does not exist while another one has the name, or the token is
        this user's own.
    """

    template_fields: Sequence[str] = ("user", "confirm_name", "postboost_conn_id")

    def __init__(self, *, user: str | int, confirm_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.confirm_name = confirm_name

    def prepare(self, context: Context) -> Callable[[PostBoostClient], bool]:
        from postboost_provider.api.arguments import require_text
        from postboost_provider.services.panel import users

        users.check_user("user", self.user)
        name = require_text("confirm_name", self.confirm_name)
        return lambda api: users.delete_user(api, self.user, name)


def read_password(conn_id: str | None) -> str:
    """Return the password of a connection, or a random one that nobody learns, and mask it in the logs."""
    if not conn_id:
        import secrets

        password = secrets.token_urlsafe(RANDOM_PASSWORD_BYTES)
        mask_secret(password)
        return password
    try:
        password = str(PostBoostHook.get_connection(conn_id).password or "")
    except AirflowNotFoundException:
        raise PostBoostConfigError(
            f"Connection {conn_id!r} does not exist. Create it with the password, or correct password_conn_id.",
            code="unknown_connection",
            field="password_conn_id",
        ) from None
    if not password:
        raise PostBoostConfigError(
            f"Connection {conn_id!r} has no password. Set it, or correct password_conn_id.",
            code="no_password",
            field="password_conn_id",
        )
    mask_secret(password)
    return password
