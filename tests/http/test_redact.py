"""What texts of ours may not hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.reply import Reply, error_of
from pixxel_async._http.rules.auth import authorization, check_key, has_scheme, other_form
from pixxel_async._redact import masked, masked_value, place, printable
from pixxel_async.errors import ConfigError
from pixxel_async.settings import Secret

KEY = "canary-5f7c1e90aa"


@pytest.mark.parametrize(
    "text",
    [
        "see https://h.example/p/a.zip?X-Amz-Signature=s3cr3t&x=1 now",
        "https://s3cr3t:s3cr3t@h.example/p/a.zip",
        "HTTP://h.example/p?sig=s3cr3t",
        "X-Amz-Signature=s3cr3t",
        "X-Goog-Credential=s3cr3t&sig=s3cr3t",
        "Authorization: Bearer s3cr3t",
        "basic s3cr3t",
        '{"url": "https://h.example/p#s3cr3t"}',
    ],
)
def test_signed_links_are_cut(text: str) -> None:
    """The query, the fragment and the user of a link are gone, and what follows a scheme word."""
    assert "s3cr3t" not in masked(text)


def test_the_rest_stays() -> None:
    """Host and path of a link, and ordinary words, can be read."""
    assert masked("look at https://h.example/p/a.zip, it is basic") == "look at https://h.example/p/a.zip, it is basic"
    assert place("https://h.example/p?sig=s3cr3t") == "https://h.example/…"


@pytest.mark.slow
@given(st.text(), st.text())
def test_the_key_is_blanked_wherever_it_stands(before: str, after: str) -> None:
    """No message holds the key that was sent."""
    assert KEY not in masked(before + KEY + after, (KEY,))


@pytest.mark.slow
@given(st.text())
def test_printable_is_short_and_harmless(text: str) -> None:
    """No control character, no line end, at most 500 characters."""
    shown = printable(text)
    assert len(shown) <= 500
    assert shown.isprintable()


def test_an_echoed_key_reaches_no_error() -> None:
    """A server that repeats the key in message, code and details does not put it into our error."""
    body = b'{"error": {"message": "bad key %b", "code": "%b", "details": [{"%b": ["%b"]}]}}' % ((KEY.encode(),) * 4)
    error = error_of(Reply(401, {"x-request-id": "r"}, body, hidden=(Secret(KEY),)))
    assert error is not None
    assert KEY not in f"{error!r} {error} {vars(error)}"
    assert masked_value({"a": [[[[[[[[[[KEY]]]]]]]]]]}, (KEY,)) == {"a": [[[[[[[None]]]]]]]}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "  ",
        "a\r\nb",
        "a\nb",
        "a\x00b",
        "schlüssel",
        '"quoted"',
        "'q'",
        " lead",
        "trail ",
        "Bearer Bearer x",
        "a b c",
        7,
    ],
)
def test_refused_keys(key: object) -> None:
    """A key that cannot stand in a header is refused by the rule it breaks, never by its text."""
    with pytest.raises(ConfigError) as caught:
        check_key(key)
    assert not isinstance(key, str) or not key.strip() or key.strip() not in str(caught.value)


def test_how_a_key_is_sent() -> None:
    """A key that brings its scheme word goes as it is; a bare one gets the word that its form asks for."""
    assert authorization("Bearer x", "bearer") == "Bearer x"
    assert authorization("abc", "raw") == "abc"
    assert authorization("abc", "bearer") == "Bearer abc"
    assert has_scheme("Basic abc=") and not has_scheme("abc")


def test_the_other_form() -> None:
    """Only `auto` has one to try, and only until one of them has worked."""
    assert other_form("abc", "raw", None, auto=True) == "bearer"
    assert other_form("abc", "raw", "bearer", auto=True) == "bearer"
    assert other_form("abc", "raw", "raw", auto=True) is None
    assert other_form("abc", "raw", None, auto=False) is None
    assert other_form("Bearer abc", "raw", None, auto=True) is None
