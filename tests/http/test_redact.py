"""Redaction of secrets in texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.codec.model import Model
from pixxel_async._http.reply import Reply, body_start, error_of
from pixxel_async._http.rules.auth import authorization, check_key, has_scheme, other_form
from pixxel_async._redact import MAX_TEXT, excerpt, mask, mask_links, mask_value, one_line, redact_url
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
    """Masking removes query, fragment and user info of a link, and the credential after an auth scheme."""
    assert "s3cr3t" not in mask(text)


def test_the_rest_stays() -> None:
    """Masking keeps host and path of a link and ordinary words."""
    assert mask("look at https://h.example/p/a.zip, it is basic") == "look at https://h.example/p/a.zip, it is basic"
    assert redact_url("https://h.example/p?sig=s3cr3t") == "https://h.example/…"


@pytest.mark.slow
@given(st.text(), st.text())
def test_the_key_is_masked_anywhere(before: str, after: str) -> None:
    """The key that was sent is masked anywhere in a message."""
    assert KEY not in mask(before + KEY + after, (KEY,))


@pytest.mark.slow
def test_a_key_across_a_cut_is_masked() -> None:
    """A key that a truncated text would split is masked completely, wherever the cut is."""
    for before in range(0, 2100, 7):
        reply = Reply(200, {}, b" " * before + KEY.encode() + b" " * 2000, hidden=(Secret(KEY),))
        assert "cana" not in body_start(reply)
    for before in range(MAX_TEXT - 30, MAX_TEXT + 5):
        assert "cana" not in mask(" " * before + KEY + " " * 100, (KEY,))
        error = error_of(Reply(500, {}, b" " + b"x " * (before // 2) + KEY.encode() + b" " * 99, hidden=(Secret(KEY),)))
        assert "cana" not in str(error)


def test_a_link_across_a_cut_is_masked() -> None:
    """The user info of a link whose host is cut off is masked."""
    assert "s3c" not in mask("see https://user:s3cr3t@h.example/a", limit=22)


@pytest.mark.slow
@given(st.text())
def test_printable_is_short_and_harmless(text: str) -> None:
    """printable() returns at most 500 characters without control characters and line ends."""
    shown = one_line(text)
    assert len(shown) <= 500
    assert shown.isprintable()


def test_an_echoed_key_reaches_no_error() -> None:
    """A key echoed by a server in message, code or details is not in the error."""
    body = b'{"error": {"message": "bad key %b", "code": "%b", "details": [{"%b": ["%b"]}]}}' % ((KEY.encode(),) * 4)
    error = error_of(Reply(401, {"x-request-id": "r"}, body, hidden=(Secret(KEY),)))
    assert error is not None
    assert KEY not in f"{error!r} {error} {vars(error)}"
    assert mask_value({"a": [[[[[[[[[[KEY]]]]]]]]]]}, (KEY,)) == {"a": [[[[[[[None]]]]]]]}


@pytest.mark.fault("A-02")
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
    """A key that is not a valid header value is refused with the rule it breaks, and never quoted."""
    with pytest.raises(ConfigError) as caught:
        check_key(Secret(key))  # type: ignore[arg-type]
    assert not isinstance(key, str) or not key.strip() or key.strip() not in str(caught.value)


def test_how_a_key_is_sent() -> None:
    """A key with its own scheme is sent unchanged; a bare one gets the scheme of its form."""
    assert authorization("Bearer x", "bearer") == "Bearer x"
    assert authorization("abc", "raw") == "abc"
    assert authorization("abc", "bearer") == "Bearer abc"
    assert has_scheme("Basic abc=") and not has_scheme("abc")


def test_the_other_form() -> None:
    """Only `auto` has another form to try, until a form has worked."""
    assert other_form("abc", "raw", None, auto=True) == "bearer"
    assert other_form("abc", "raw", "bearer", auto=True) == "bearer"
    assert other_form("abc", "raw", "raw", auto=True) is None
    assert other_form("abc", "raw", None, auto=False) is None
    assert other_form("Bearer abc", "raw", None, auto=True) is None


BAD_SHAPES = {
    "hex": "ab12" * 16_384,
    "one letter": "a" * 65_536,
    "dashes": "-" * 65_536,
    "letters with accents": "é" * 65_536,
    "open tags": "<Token" * 10_922,
    "one open tag": "<" + "Token" * 13_107,
    "closed tags": "<Token>x</Token>" * 4_096,
    "header names": "X-Amz-" * 10_922,
    "links": "https://" * 8_192,
    "links with users": "http://u:p" * 6_553,
    "queries": "https://h/p?" * 5_461,
    "blanks": "Bearer" + " " * 65_530,
    "pairs": "signature" + '"' + " " * 65_526,
    "schemes": "a.b+" * 16_384,
}


@pytest.mark.fault("B-10")
@pytest.mark.parametrize("shape", BAD_SHAPES)
def test_foreign_text_is_read_in_linear_time(shape: str) -> None:
    """Masking 64 KiB of adversarial text takes milliseconds, so an error page cannot block the event loop."""
    text = BAD_SHAPES[shape]
    started = time.process_time()
    mask(text, (KEY,))
    mask_links(text)
    one_line(text)
    redact_url(text)
    excerpt(text.encode(), 1000)
    repr(Model(extra={"x": text}))
    assert time.process_time() - started < 0.5


def test_a_key_that_stands_across_the_cut_is_masked() -> None:
    """A key that begins before MAX_TEXT and ends after it is masked completely."""
    for before in range(MAX_TEXT - len(KEY), MAX_TEXT):
        assert KEY[:4] not in mask("x" * before + KEY, (KEY,))


def test_an_excerpt_masks_only_secrets() -> None:
    """An excerpt masks secret elements, pairs and links only; a secret element without an end is cut to the end."""
    page = b"<Error><Message>no access</Message><Token>s3cr3t</Token> signature=s3cr3t <a> https://h/s3cr3t"
    assert excerpt(page + b"<AWSAccessKeyId>s3cr3t") == (
        "<Error><Message>no access</Message><Token>…</Token> … <a> …<AWSAccessKeyId>…"
    )
