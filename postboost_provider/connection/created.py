"""What a proof has created in PostBoost, and how it is deleted again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postboost_provider.api.errors import NotFoundError, PostBoostError
from postboost_provider.api.responses import reading_response

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient


@dataclass
class Created:
    """The drafts and the tag of a proof.

    :param name: in the text of each draft.
    :param may_have_another: a draft that no response has named.
    """

    api: PostBoostClient
    name: str
    posts: set[str] = field(default_factory=set)
    may_have_another: bool = False
    made_tag: bool = False

    @property
    def tag_name(self) -> str:
        return f"postboost-check-{self.name[:12]}"

    def clean_up(self) -> list[str]:
        """Delete everything, and return what is left with the reason."""
        left = self._find_posts() if self.may_have_another else []
        for post_uuid in sorted(self.posts):
            left += self._delete(f"draft {post_uuid}", "delete_post", post_uuid=post_uuid)
        if not self.made_tag:
            return left
        try:
            with reading_response("list_tags"):
                tags = [
                    str(tag["uuid"]) for tag in self.api.pages("list_tags") if tag["name"] == self.tag_name
                ]
        except PostBoostError as error:
            return [*left, f"perhaps tag {self.tag_name}: {error}"]
        for tag_uuid in tags:
            left += self._delete(f"tag {self.tag_name}", "delete_tag", tag_uuid=tag_uuid)
        return left

    def _find_posts(self) -> list[str]:
        """Find a draft whose response did not name it, or return what may be left."""
        try:
            with reading_response("list_posts"):
                found = [str(p["uuid"]) for p in self.api.pages("list_posts") if self.name in repr(p)]
        except PostBoostError as error:
            return [f"perhaps a draft with {self.name} in its text: {error}"]
        self.posts.update(found)
        return []

    def _delete(self, what: str, operation: str, **parameters: str) -> list[str]:
        try:
            self.api.call(operation, parameters=parameters)
        except NotFoundError:
            return []
        except PostBoostError as error:
            return [f"{what}: {error}"]
        return []
