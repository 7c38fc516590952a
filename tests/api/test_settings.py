"""Settings: which base URLs are accepted, and what is kept out of every text."""

from __future__ import annotations

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.settings import check_base_url, is_loopback
from tests.api.support import TOKEN, settings


@pytest.mark.parametrize(
    "url, kept",
    [
        ("https://postboost.co/app/api", "https://postboost.co/app/api"),
        ("https://postboost.co/app/api//", "https://postboost.co/app/api"),
        ("HTTPS://example.test:8443/", "HTTPS://example.test:8443"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://localhost/app/api", "http://localhost/app/api"),
        ("http://[::1]:8765", "http://[::1]:8765"),
        ("http://[::1]:8765/app/api", "http://[::1]:8765/app/api"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[0:0:0:0:0:0:0:1]"),
    ],
)
def test_a_base_url_is_https_or_loopback(url, kept):
    assert check_base_url(url) == kept


@pytest.mark.parametrize(
    "url, code",
    [
        ("http://postboost.co/app/api", "unencrypted"),
        ("http://127.0.0.1.evil.test", "unencrypted"),
        ("http://localhost.evil.test", "unencrypted"),
        ("http://[2001:db8::1]:8765", "unencrypted"),
        ("ftp://postboost.co", "unencrypted"),
        ("postboost.co/app/api", "not_a_plain_url"),
        ("", "not_a_plain_url"),
        ("https://", "not_a_plain_url"),
        (f"https://{TOKEN}@postboost.co", "not_a_plain_url"),
        (f"https://me:{TOKEN}@postboost.co/app/api", "not_a_plain_url"),
        ("https://@postboost.co", "not_a_plain_url"),
        (f"https://postboost.co/app/api?token={TOKEN}", "not_a_plain_url"),
        ("https://postboost.co/app/api?", "not_a_plain_url"),
        (f"https://postboost.co#{TOKEN}", "not_a_plain_url"),
        (f"https://{TOKEN}", "token_in_host"),
        ("https://postboost.co/app api", "not_a_plain_url"),
        ("https://postboost.co\\@evil.test", "not_a_plain_url"),
        (" https://postboost.co", "not_a_plain_url"),
        ("https://postboost.co:99999", "not_a_url"),
        ("https://[::1", "not_a_url"),
        (f"https://me:{TOKEN}@[::1", "not_a_url"),
    ],
)
def test_a_base_url_that_could_give_the_token_away_is_refused_without_showing_it(url, code):
    with pytest.raises(PostBoostConfigError) as caught:
        check_base_url(url)
    assert (caught.value.code, caught.value.field) == (code, "host")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["127.1", "0.0.0.0", "10.0.0.1", "localhost.", "example.test", "::2", "::", ""]
)
def test_a_host_that_only_resembles_loopback_is_refused(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("token", ["42|abc\ndef", "42|abc def", "42|abc…", "42|abc\u200b"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(token):
    with pytest.raises(PostBoostConfigError, match="connection 'mine'") as caught:
        settings(token=token, name="connection 'mine'")
    assert caught.value.field == "password"
    assert "abc" not in str(caught.value)


def test_settings_show_neither_the_token_nor_the_proxy():
    shown = repr(settings(proxy="http://user:hidden@proxy:1"))
    assert TOKEN.partition("|")[2] not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize("part", [TOKEN, TOKEN.partition("|")[2], f"Bearer {TOKEN}", f"id-{TOKEN}-{TOKEN}"])
def test_the_token_or_its_secret_part_is_taken_out_of_a_text(part):
    said = settings().redact(f"<p>{part}</p>")
    assert "s3cret" not in said
    assert "***" in said


def test_a_token_too_short_to_be_one_takes_nothing_out_of_a_text():
    assert settings(token="a").redact("a banana") == "a banana"


@pytest.mark.parametrize(
    "url",
    [
        "https://p\u043estboost.co/app/api",
        "https://postboost.co\u200b/app/api",
        "https://postboost.co/app\u202e/api",
        "https://postboost.co/\ufeffapp/api",
        "https://postboost.co\u2044app/api",
        "https://postboost.co/a\x00b",
        "https://postb\u00f6\u00f6st.co/app/api",
    ],
)
def test_a_base_url_with_another_character_than_it_shows_is_refused(url):
    with pytest.raises(PostBoostConfigError) as caught:
        check_base_url(url)
    assert (caught.value.code, caught.value.field) == ("not_ascii", "host")
    assert str(caught.value).isascii()
    assert "U+" in str(caught.value)


@pytest.mark.parametrize("part", ["p%40ssword", "p@ssword"])
def test_a_proxys_password_is_redacted(part):
    assert "ssword" not in settings(proxy="http://me:p%40ssword@proxy:3128").redact(f"x {part} y")
