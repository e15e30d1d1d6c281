"""Sources of settings and their precedence, and refused values."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from pathlib import Path
from typing import get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import ConfigError, DownloadSettings, HTTPSettings, PollSettings, RetrySettings, Secret, Settings
from pixxel_async._protocol.hosts import host_of, is_loopback
from pixxel_async.settings import DownloadOptions
from pixxel_async.settings.checks import origin_of
from pixxel_async.settings.constants import Constants
from tests.support.system import posix

KEY = "canary-5f7c1e90aa"


def load(
    tmp_path: Path, environ: dict[str, str] | None = None, profile: str | None = None, **values: object
) -> Settings:
    return Settings.load(None, profile, {"HOME": str(tmp_path), **(environ or {})}, **values)


def key_of(settings: Settings) -> str:
    assert isinstance(settings.api_key, Secret)
    return settings.api_key.reveal()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / ".config" / "pixxel" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        '[default]\napi_key = "profile-key"\nauth = "bearer"\n[default.http]\nconnect_timeout = 3\n'
        '[work]\napi_key_file = "work.key"\nbase_url = "https://work.example"\ndownload = { shard = [1, 4] }\n'
    )
    file.chmod(0o600)
    (file.parent / "work.key").write_text("work-key\n")
    (file.parent / "work.key").chmod(0o600)
    return file


def test_defaults(tmp_path: Path) -> None:
    """Without any source there is no key, and all settings have their defaults."""
    settings = load(tmp_path)
    assert settings == Settings(key_source="nowhere")
    assert key_of(settings) == ""


def test_each_variable(tmp_path: Path) -> None:
    """Environment variables set key, base URL, auth form, proxy and plain http."""
    environ = {
        "PIXXEL_API_KEY": KEY,
        "PIXXEL_BASE_URL": "http://api.internal:8080/",
        "PIXXEL_AUTH": "raw",
        "PIXXEL_PROXY": "http://proxy.example:3128",
        "PIXXEL_ALLOW_HTTP": "yes",
    }
    settings = load(tmp_path, environ)
    assert (key_of(settings), settings.key_source) == (KEY, "PIXXEL_API_KEY")
    assert (settings.base_url, settings.auth) == ("http://api.internal:8080", "raw")
    assert (settings.http.proxy, settings.http.allow_http) == ("http://proxy.example:3128", True)


@pytest.mark.fault("A-03")
@posix
def test_a_key_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key file is read without its line end; one that others can read is warned about."""
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    assert key_of(load(tmp_path, {"PIXXEL_API_KEY_FILE": str(file)})) == KEY
    assert not caplog.records
    file.chmod(0o644)
    assert key_of(load(tmp_path, {"PIXXEL_API_KEY_FILE": str(file)})) == KEY
    assert "chmod 600" in caplog.text and KEY not in caplog.text


@pytest.mark.fault("A-01", "A-03")
def test_key_files_that_are_refused(tmp_path: Path) -> None:
    """A key file that is missing, a folder, empty, too large or binary raises ConfigError with its path."""
    large, empty, binary = tmp_path / "large", tmp_path / "empty", tmp_path / "binary"
    large.write_bytes(b"x" * 10_000_000)
    empty.write_text(" \n")
    binary.write_bytes(b"\xff\xfe\xfd")
    for file in (tmp_path / "missing", tmp_path, large, empty, binary):
        with pytest.raises(ConfigError, match=str(file)):
            load(tmp_path, {"PIXXEL_API_KEY_FILE": str(file)})


@posix
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    """A pipe or device in place of a key or profile file is refused at once, even without a writer."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/null")):
        for name in ("PIXXEL_API_KEY_FILE", "PIXXEL_CONFIG"):
            with pytest.raises(ConfigError, match="not a regular file"):
                load(tmp_path, {name: str(path)})


@posix
def test_a_key_is_read_from_a_pipe_descriptor(tmp_path: Path) -> None:
    """A key is read from a `/dev/fd/N` pipe, as a shell's `<(command)` names it, and the descriptor stays open."""
    reading, writing = os.pipe()
    try:
        os.write(writing, f"{KEY}\n".encode())
        os.close(writing)
        assert key_of(load(tmp_path, {"PIXXEL_API_KEY_FILE": f"/dev/fd/{reading}"})) == KEY
        os.fstat(reading)
    finally:
        os.close(reading)


def test_the_profile_file(tmp_path: Path, profile: Path) -> None:
    """A table of the profile file sets key and settings; a relative key file is looked up beside it."""
    settings = load(tmp_path)
    assert (key_of(settings), settings.auth, settings.http.connect_timeout) == ("profile-key", "bearer", 3)
    assert settings.key_source == f"profile 'default' of {profile}"
    work = load(tmp_path, {"PIXXEL_PROFILE": "work"})
    assert (key_of(work), work.base_url, work.download.shard) == ("work-key", "https://work.example", (1, 4))
    assert load(tmp_path, profile="work") == work


def test_places_of_the_profile_file(tmp_path: Path, profile: Path) -> None:
    """PIXXEL_CONFIG overrides XDG_CONFIG_HOME, which overrides the home folder."""
    xdg = tmp_path / "xdg" / "pixxel" / "config.toml"
    xdg.parent.mkdir(parents=True)
    xdg.write_text('[default]\nauth = "raw"\n')
    assert load(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}).auth == "raw"
    assert load(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "PIXXEL_CONFIG": str(profile)}).auth == "bearer"


def test_precedence(tmp_path: Path, profile: Path) -> None:
    """Arguments override the environment, which overrides the profile."""
    environ = {"HOME": str(tmp_path), "PIXXEL_API_KEY": "env-key", "PIXXEL_AUTH": "raw"}
    settings = Settings.load("argument", None, environ, **{"http.connect_timeout": "7"})
    assert (key_of(settings), settings.key_source) == ("argument", "argument")
    assert (settings.auth, settings.http.connect_timeout) == ("raw", 7)
    assert key_of(Settings.load(None, None, environ)) == "env-key"


def test_profiles_that_are_refused(tmp_path: Path, profile: Path) -> None:
    """A named profile or file that is missing, invalid TOML and an unknown setting raise ConfigError."""
    with pytest.raises(ConfigError, match="default, work"):
        load(tmp_path, profile="wrok")
    with pytest.raises(ConfigError, match="missing"):
        load(tmp_path, {"PIXXEL_CONFIG": str(tmp_path / "missing")})
    profile.write_text("[default\n")
    with pytest.raises(ConfigError, match="not TOML"):
        load(tmp_path)
    profile.write_text("[default]\nconect = 3\n")
    with pytest.raises(ConfigError, match="conect"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("http.connect_timeout", "2.5", 2.5),
        ("http.call_timeout", "none", None),
        ("http.max_response_bytes", "2048", 2048),
        ("http.trust_env", "on", True),
        ("download.shard", "2/5", (2, 5)),
        ("download.checksum", "none", None),
        ("download.on_existing", "replace", "replace"),
        ("retry.initial_delay", 1, 1),
    ],
)
def test_texts_are_converted_to_the_settings_type(tmp_path: Path, name: str, value: object, read: object) -> None:
    """A text is converted to the type of the setting with that dotted name."""
    settings = load(tmp_path, **{name: value})
    group, _, field = name.partition(".")
    assert getattr(getattr(settings, group), field) == read


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"http.connect_timeot": 1}, "similar: http.connect"),
        ({"htp.connect": 1}, "htp.connect"),
        ({"auth.x": 1}, "auth.x"),
        ({"http.connect_timeout": "soon"}, "http.connect_timeout"),
        ({"http.connect_timeout": -1}, "http.connect_timeout must be at least"),
        ({"http.connect_timeout": True}, "http.connect_timeout must be a number"),
        ({"http.trust_env": "maybe"}, "http.trust_env"),
        ({"auth": "basic"}, "auth must be one of"),
        ({"download.shard": "5/2"}, "shard must be"),
        ({"download.max_concurrent_downloads": "300"}, "at most 256"),
        ({"constants.chunk_bytes": 65536}, "no setting 'constants.chunk_bytes'"),
        ({"constants": {"chunk_bytes": 65536}}, "no setting 'constants'"),
    ],
)
def test_values_that_are_refused(tmp_path: Path, values: dict[str, object], text: str) -> None:
    """An unknown setting is reported with similar names, a value out of bounds with its bounds."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **values)
    assert text in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.fault("A-05")
@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.pixxel.space/", "https://api.pixxel.space"),
        ("https://API.Pixxel.Space/v0/", "https://api.pixxel.space"),
        ("https://api.pixxel.space:443", "https://api.pixxel.space"),
        ("https://api.pixxel.space:8443", "https://api.pixxel.space:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    """A base URL is normalised."""
    assert Settings(base_url=url).base_url == origin


@pytest.mark.fault("A-04")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.pixxel.space",
        "ftp://api.pixxel.space",
        "https://",
        "https://user:pw@api.pixxel.space",
        "https://api.pixxel.space?x=1",
        "https://api.pixxel.space#x",
        "https://api.pixxel.space/proxy",
        "https://api.pixxel.space:0",
        "https://api.pixxel.space:99999",
        "https://api pixxel.space",
        "https://api.pixxel.space\\@evil.example",
        "https://[::1",
        "https://api..pixxel.space",
        f"https://{64 * 'a'}.space",
        "http://api.pixxel.space",
        None,
        7,
    ],
)
def test_origins_that_are_refused(url: object) -> None:
    """An invalid or insecure base URL raises ConfigError that does not repeat its credentials."""
    with pytest.raises(ConfigError) as caught:
        Settings(base_url=url)  # type: ignore[arg-type]
    assert "pw" not in str(caught.value)


@pytest.mark.fault("A-04")
def test_plain_http_by_choice() -> None:
    """Plain http to a host other than loopback needs `http.allow_http`."""
    assert (
        Settings(base_url="http://api.internal", http=HTTPSettings(allow_http=True)).base_url == "http://api.internal"
    )


@pytest.mark.fault("A-05")
@pytest.mark.slow
@given(st.text(max_size=50))
def test_any_base_url_is_an_origin_or_a_config_error(url: str) -> None:
    """Any text is either an origin or a ConfigError, and normalising an origin again does not change it."""
    try:
        origin = origin_of(url)
    except ConfigError:
        return
    assert origin_of(origin) == origin
    assert is_loopback(host_of(origin)) in (True, False)


@pytest.mark.slow
@given(
    st.sampled_from(
        ["http.connect_timeout", "download.shard", "http.trust_env", "retry.max_attempts", "nonsense.x", ""]
    ),
    st.text(),
)
def test_any_setting_is_a_value_or_a_config_error(name: str, value: str) -> None:
    """Any text for any setting is either a value or a ConfigError."""
    with contextlib.suppress(ConfigError):
        Settings().with_values(**{name: value})


@pytest.mark.fault("A-14")
def test_secrets_are_masked() -> None:
    """No repr shows the key or the proxy's password."""
    settings = Settings(api_key=KEY, http=HTTPSettings(proxy="http://u:s3cr3t@proxy.example"))
    assert KEY not in repr(settings) and "s3cr3t" not in repr(settings)
    assert repr(DownloadSettings())


def test_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Loading valid settings logs nothing."""
    with caplog.at_level(logging.DEBUG):
        load(tmp_path, {"PIXXEL_API_KEY": KEY})
    assert caplog.text == ""


def test_download_options_are_the_download_settings() -> None:
    """The keywords of `fetch` are the fields of `DownloadSettings`, with the same types."""
    assert get_type_hints(DownloadOptions) == get_type_hints(DownloadSettings)
    assert not DownloadOptions.__required_keys__


def test_constants_are_not_settings() -> None:
    """A constant is neither a settings field nor a keyword of `fetch` nor in the repr, and can be set in code."""
    groups = (HTTPSettings, RetrySettings, PollSettings, DownloadSettings)
    settings = {field.name for group in groups for field in attrs.fields(group)}
    constants = {field.name for field in attrs.fields(Constants)}
    assert not constants & (settings | set(DownloadOptions.__annotations__))
    assert "constants" not in repr(Settings(constants=Constants(chunk_bytes=65536)))
    assert Settings(constants=Constants(chunk_bytes=65536)).with_values(auth="raw").constants.chunk_bytes == 65536


@pytest.mark.parametrize("group", [HTTPSettings, RetrySettings, PollSettings, DownloadSettings, Constants])
def test_help_describes_each_setting(group: type) -> None:
    """The class docstring describes each field once."""
    described = re.findall(r"^ {8}(\w+): ", group.__doc__ or "", re.MULTILINE)
    assert described == [field.name for field in attrs.fields(group)]
