"""Workspaces, users and members, made, changed and deleted in PostBoost's panel. Each task is safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from postboost_provider.airflow_support.compat import mask_secret
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.panel_base import PanelOperator

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.panel.ensure import IfExists

RANDOM_PASSWORD_BYTES = 24


class PostBoostCreateWorkspaceOperator(PanelOperator):
    """Make a workspace, unless its owner has one of that name.

    Returns the workspace as PostBoost shows it (``uuid``, ``name``, ``owner``, ``access_status``...) and ``outcome``:
    ``created``, ``found`` or ``updated``. ``task.output["uuid"]`` is its uuid.

    :param name: up to 60 characters. Templated.
    :param workspace_owner: address or id of the user who owns it and becomes its member. None (default) makes one without
        an owner, and finds the one workspace of that name, whoever owns it. Not Airflow's ``owner``. Templated.
    :param access_status: ``subscription``, ``unlimited`` or ``locked``. None (default) is ``subscription`` for a new
        one, and leaves one that is there as it is.
    :param if_exists: ``skip`` (default) uses one that is there, ``update`` gives it the ``access_status``, ``fail``
        fails.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: there is no such owner, there are several such workspaces, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("name", "workspace_owner", "postboost_conn_id")
    words: ClassVar[dict[str, str]] = {"owner_id": "workspace_owner"}

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

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.workspaces import ensure_workspace

        workspace, outcome = ensure_workspace(
            api,
            self.name,
            self.workspace_owner,
            access_status=self.access_status,
            if_exists=self.if_exists,
        )
        self.log.info("Workspace %s (%s): %s.", workspace["name"], workspace["uuid"], outcome)
        return {**workspace, "outcome": outcome}


class PostBoostUpdateWorkspaceOperator(PanelOperator):
    """Rename a workspace, give it to another owner, or change who has access. What is not named stays.

    Returns the workspace and ``outcome``: ``updated`` or ``found``, where nothing was to be changed.

    :param workspace_uuid: the workspace. Templated.
    :param changes: of ``name``, ``owner`` (address or id) and ``access_status``. Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "changes", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, changes: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid
        self.changes = changes

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.workspaces import update_workspace

        workspace, changed = update_workspace(api, self.workspace_uuid, self.changes)
        return {**workspace, "outcome": "updated" if changed else "found"}


class PostBoostDeleteWorkspaceOperator(PanelOperator):
    """Delete a workspace with everything in it, for good. One that is gone already is what was wanted.

    Returns whether it was there.

    :param workspace_uuid: the workspace. Templated.
    :param confirm_name: its name, letter by letter: nothing is deleted if it has another. Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: the workspace has another name.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "confirm_name", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, confirm_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid
        self.confirm_name = confirm_name

    def act(self, api: PostBoostClient) -> bool:
        from postboost_provider.services.panel.workspaces import delete_workspace

        return delete_workspace(api, self.workspace_uuid, self.confirm_name)


class PostBoostAddMemberOperator(PanelOperator):
    """Give a user a place in a workspace.

    PostBoost lists no workspace's members (SDK 1.66.3): who is one already is learned by adding, which it refuses then.
    Returns ``created``, ``found`` or ``updated``.

    :param workspace_uuid: the workspace. Templated.
    :param user: address or id. Templated.
    :param role: ``admin``, ``member`` (default) or ``viewer``. Templated.
    :param can_approve: whether the user may approve posts. Default False.
    :param is_owner: True gives the workspace to the user, False takes it from them. None (default) leaves the owner.
    :param if_exists: ``skip`` (default) leaves a member as they are, ``update`` gives them the role and the rights that
        are stated here, ``fail`` fails.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: there is no such user or workspace, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "user", "role", "postboost_conn_id")

    def __init__(
        self,
        *,
        workspace_uuid: str,
        user: str | int,
        role: str = "member",
        can_approve: bool = False,
        is_owner: bool | None = None,
        if_exists: IfExists = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid
        self.user = user
        self.role = role
        self.can_approve = can_approve
        self.is_owner = is_owner
        self.if_exists = if_exists

    def act(self, api: PostBoostClient) -> str:
        from postboost_provider.services.panel.workspaces import ensure_member

        return ensure_member(
            api,
            self.workspace_uuid,
            self.user,
            role=self.role,
            can_approve=self.can_approve,
            is_owner=self.is_owner,
            if_exists=self.if_exists,
        )


class PostBoostRemoveMemberOperator(PanelOperator):
    """Take a user's place in a workspace away; the user stays. Who is no member is what was wanted.

    Returns whether there was such a member.

    :param workspace_uuid: the workspace. Templated.
    :param user: address or id. Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "user", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, user: str | int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid
        self.user = user

    def act(self, api: PostBoostClient) -> bool:
        from postboost_provider.services.panel.workspaces import remove_member

        return remove_member(api, self.workspace_uuid, self.user)


class PostBoostCreateUserOperator(PanelOperator):
    """Make a user of the platform, unless there is one with that address.

    Returns the user as PostBoost shows it (``id``, ``name``, ``email``, ``is_admin``...) and ``outcome``: ``created``,
    ``found`` or ``updated``. Never a password. ``task.output["id"]`` is the id.

    :param user_email: the address, which makes the user. Not Airflow's ``email``. Templated.
    :param name: up to 255 characters. Templated.
    :param password_conn_id: an Airflow connection, of any type, whose password is the user's first one. It is used when
        the user is made, and never to change one who is there. Without it the password is random and nobody learns it.
        Templated.
    :param is_admin: of the platform, with access to the panel. None (default) is False for a new user, and leaves one who
        is there as they are.
    :param if_exists: ``skip`` (default) uses a user who is there, ``update`` gives them name and ``is_admin``, ``fail``
        fails.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: there is no password in ``password_conn_id``, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("user_email", "name", "password_conn_id", "postboost_conn_id")
    words: ClassVar[dict[str, str]] = {"email": "user_email", "password": "password_conn_id"}

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

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.users import ensure_user

        user, outcome = ensure_user(
            api,
            self.user_email,
            self.name,
            self._password,
            is_admin=self.is_admin,
            if_exists=self.if_exists,
        )
        self.log.info("User %s (%s): %s.", user["email"], user["id"], outcome)
        return {**user, "outcome": outcome}

    def _password(self) -> str:
        return read_password(self.password_conn_id) if self.password_conn_id else random_password()


class PostBoostUpdateUserOperator(PanelOperator):
    """Change a user's name, address, admin rights or password. What is not named stays.

    Returns the user and ``outcome``: ``updated`` or ``found``, where nothing was to be changed.

    :param user: address or id. Templated.
    :param changes: of ``name``, ``email`` and ``is_admin``. Templated.
    :param password_conn_id: an Airflow connection whose password becomes the user's, at each run. Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    """

    template_fields: Sequence[str] = ("user", "changes", "password_conn_id", "postboost_conn_id")
    words: ClassVar[dict[str, str]] = {"password": "password_conn_id"}

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

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.users import update_user

        password = read_password(self.password_conn_id) if self.password_conn_id else None
        user, changed = update_user(api, self.user, self.changes or {}, password)
        return {**user, "outcome": "updated" if changed else "found"}


class PostBoostDeleteUserOperator(PanelOperator):
    """Delete a user for good. One who is gone already is what was wanted; the token's own user can't be deleted.

    Returns whether there was such a user.

    :param user: address or id. Templated.
    :param confirm_name: the user's name, letter by letter: nobody is deleted who has another. Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: the user has another name, or is the one whose token this is.
    """

    template_fields: Sequence[str] = ("user", "confirm_name", "postboost_conn_id")

    def __init__(self, *, user: str | int, confirm_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.confirm_name = confirm_name

    def act(self, api: PostBoostClient) -> bool:
        from postboost_provider.services.panel.users import delete_user

        return delete_user(api, self.user, self.confirm_name)


def read_password(conn_id: str) -> str:
    """Return the password of a connection, which is masked in the logs from now on.

    :raises PostBoostConfigError: there is no such connection, or no password in it.
    """
    try:
        password = PostBoostHook.get_connection(conn_id).password
    except AirflowNotFoundException:
        raise PostBoostConfigError(
            f"There is no connection {conn_id!r}. Create it with the password, or correct password_conn_id."
        ) from None
    if not password:
        raise PostBoostConfigError(f"The connection {conn_id!r} has no password.")
    mask_secret(password)
    return str(password)


def random_password() -> str:
    """Return a password that nobody knows, which is masked in the logs from now on."""
    import secrets

    password = secrets.token_urlsafe(RANDOM_PASSWORD_BYTES)
    mask_secret(password)
    return password
