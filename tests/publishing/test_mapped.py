"""Whose post is which, after the list of a mapped task has changed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing.mapped_list import Places, find_places


def at(index: int) -> Actor:
    return Actor.of_task(SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=index))


def of_words(words: str) -> Actor:
    return find_places(at(0), 0, None, lambda post: None).of_words(words)


def places(index: int, texts: str | None) -> Places:
    return Places(index, None if texts is None else dict(enumerate(texts)), at, of_words)


class PostBoost:
    """The posts of the task, by log identity."""

    def __init__(self, texts: str = "") -> None:
        self.posts: dict[str, str | None] = {at(i).log_identity: text for i, text in enumerate(texts)}
        self.made = list(texts)
        self.edited: list[tuple[str | None, str]] = []

    def attempt(self, texts: str, order: list[int] | None = None) -> None:
        """Let each place publish, or change what it has published."""
        for index in order or range(len(texts)):
            identity = places(index, texts).place(texts[index], self.posts).log_identity
            before = self.posts.get(identity)
            if identity not in self.posts:
                self.made.append(texts[index])
            elif before != texts[index]:
                self.edited.append((before, texts[index]))
            self.posts[identity] = texts[index]


@pytest.mark.parametrize(
    ("before", "after", "made"),
    [
        ("ABC", "XABC", "X"),
        ("ABC", "ABCX", "X"),
        ("ABC", "AXBC", "X"),
        ("ABC", "BC", ""),
        ("ABC", "AC", ""),
        ("ABC", "CBA", ""),
        ("ABC", "CXAYB", "XY"),
        ("ABC", "ABC", ""),
        ("", "ABC", "ABC"),
    ],
)
def test_a_list_that_shifts_publishes_what_is_new_and_nothing_twice(
    before: str, after: str, made: str
) -> None:
    for order in (list(range(len(after))), list(reversed(range(len(after))))):
        postboost = PostBoost(before)
        for _ in range(3):
            postboost.attempt(after, order)
        assert sorted(postboost.made) == sorted(before + made)
        assert postboost.edited == []


def test_a_list_may_shift_again() -> None:
    postboost = PostBoost("ABC")
    for texts in ("XABC", "YXABC", "ABCXY"):
        postboost.attempt(texts)
    assert sorted(postboost.made) == sorted("ABCXY")
    assert postboost.edited == []


def test_an_edit_is_not_a_shift() -> None:
    postboost = PostBoost("ABC")
    postboost.attempt("AbC")
    assert postboost.edited == [("B", "b")]
    assert postboost.made == list("ABC")


@settings(deadline=None, max_examples=30)
@given(
    st.permutations("ABCDE"), st.lists(st.sampled_from("ABCDEUVWXYZ"), unique=True, max_size=8), st.randoms()
)
def test_whatever_the_order_no_words_are_published_twice(
    before: list[str], after: list[str], random: object
) -> None:
    postboost, order = PostBoost("".join(before)), list(range(len(after)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for _ in range(2):
        postboost.attempt("".join(after), order)
    assert len(postboost.made) == len(set(postboost.made))
    assert set(after) <= set(postboost.posts.values())


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        # Equal words.
        ("AB", 0, "XXAB"),
        ("ABC", 1, "XAAC"),
        # Airflow does not tell what the others publish.
        ("AB", 0, None),
    ],
)
def test_what_cannot_be_told_is_refused(before: str, index: int, after: str | None) -> None:
    with pytest.raises(PostBoostConfigError) as caught:
        places(index, after).place(after[index] if after else "X", PostBoost(before).posts)
    assert (caught.value.code, caught.value.field) == ("list_changed", "post_key")


def test_words_that_the_log_has_lost_are_refused() -> None:
    posts: dict[str, str | None] = {at(0).log_identity: None}
    with pytest.raises(PostBoostConfigError) as caught:
        places(0, "XA").place("X", posts)
    assert caught.value.code == "list_changed"


def test_equal_words_of_a_first_pass_are_posts_of_their_own() -> None:
    postboost = PostBoost()
    postboost.attempt("AAB")
    postboost.attempt("AAB")
    assert postboost.made == list("AAB")
