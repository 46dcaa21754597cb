"""
Settings: every source, every refusal.
"""

from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import pytest

from avance.config import AuthMode, Secret, Settings, check_bind, describe, read_settings
from avance.errors import ConfigError
from avance.hub.namespaces import Allow
from avance.ports.auth import Role


class OcrSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an app would bring.
    """

    aliases: ClassVar[dict[str, str]] = {"OCR_LANG": "language"}
    language: str = "es"
    """The language of the documents."""
    pages_max: Annotated[int, msgspec.Meta(ge=1)] = 100
    """Pages of one document."""


def read(text: str = "", *, path: Path | None = None, **env: str) -> Settings:
    if path is not None:
        path.write_text(text)
    return read_settings(path, env=env)


def refusal(text: str = "", *, path: Path | None = None, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        read(text, path=path, **env)
    return refused.value


def test_without_anything_the_defaults_hold() -> None:
    settings = read()
    assert settings == Settings()
    assert (settings.host, settings.port, settings.auth) == ("127.0.0.1", 8030, AuthMode.OPEN)
    assert settings.store_url == "sqlite:///avance-data/avance.db"


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "avance.toml"
    path.write_text('host = "::1"\nport = 1\ndata = "here"\n[http]\nwait_s_max = 5\n')
    settings = read_settings(
        path,
        env={"AVANCE_PORT": "2", "AVANCE_DATA": "there"},
        overrides={"data": "cli", "host": None},
    )
    assert (settings.host, settings.port, settings.data) == ("::1", 2, "cli")
    assert settings.http.wait_s_max == 5


def test_the_file_is_found_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "avance.toml"
    path.write_text("port = 7")
    assert read_settings(env={"AVANCE_CONFIG": str(path)}).port == 7


def test_limits_of_every_part_can_be_set() -> None:
    settings = read(
        AVANCE_HUB_OUTBOX_FRAMES_MAX="7",
        AVANCE_JOBS_TAGS_MAX="3",
        AVANCE_TOKENS_LEEWAY_S="1.5",
        AVANCE_HUB_READ_RETRY_S="1, 2,3",
        AVANCE_RETENTION_EVENTS_PER_CHANNEL_MAX="9",
    )
    assert settings.hub.outbox_frames_max == 7
    assert settings.jobs.tags_max == 3
    assert settings.tokens.leeway_s == 1.5
    assert settings.hub.read_retry_s == (1.0, 2.0, 3.0)
    assert settings.retention.events_per_channel_max == 9


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read(AVANCE_PORT="", AVANCE_TOKEN_SECRET="") == Settings()


def test_lists_are_separated_by_commas() -> None:
    assert read(AVANCE_ORIGINS="https://a.example, https://b.example,").origins == (
        "https://a.example",
        "https://b.example",
    )


def test_bare_names_of_the_environment_are_aliases_and_ours_wins() -> None:
    assert read(WS_HEARTBEAT_INTERVAL="5").socket_ping_interval_s == 5
    both = read(WS_HEARTBEAT_INTERVAL="5", AVANCE_SOCKET_PING_INTERVAL_S="6")
    assert both.socket_ping_interval_s == 6


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"AVANCE_PORT": "x"}, ["port", "AVANCE_PORT", "'x'", "from 0 to 65535"]),
        ({"AVANCE_PORT": "-1"}, ["port", "-1"]),
        ({"AVANCE_AUTH": "opne"}, ["auth", "opne", "open, token"]),
        ({"AVANCE_ALLOW_OPEN_BIND": "yes"}, ["allow_open_bind", "true or false"]),
        ({"AVANCE_HTTP_WAIT_S_MAX": "-1"}, ["http.wait_s_max", "0 or more"]),
        ({"AVANCE_HTTP_WAIT_S_MAX": "inf"}, ["http.wait_s_max", "0 or more"]),
        ({"AVANCE_HTTP_WAIT_S_MAX": "nan"}, ["http.wait_s_max", "0 or more"]),
        ({"AVANCE_HUB_READ_RETRY_S": "1,-2"}, ["hub.read_retry_s", "0 or more"]),
        ({"AVANCE_DURABILITY": "none"}, ["durability", "full, normal"]),
        ({"AVANCE_PROT": "1"}, ["AVANCE_PROT", "AVANCE_PORT"]),
        ({"AVANCE_HTTP_BODY_MAX": "1"}, ["AVANCE_HTTP_BODY_MAX", "AVANCE_HTTP_BODY_BYTES_MAX"]),
        ({"AVANCE_ZZZZZZZZZZZ": "1"}, ["AVANCE_ZZZZZZZZZZZ", "reference"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(
    env: dict[str, str], words: list[str]
) -> None:
    error = refusal(**env)
    for word in words:
        assert word in error.message
    assert error.params["setting"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", ["prot", "did you mean port?"]),
        ("[http]\nwait = 1", ["http.wait", "http.wait_s_max"]),
        ("port = '8030x'", ["port", "8030x"]),
        ("port = 1.5", ["port", "1.5"]),
        ("allow_open_bind = 1", ["allow_open_bind", "true or false"]),
        ("[port]\nx = 1", ["port.x"]),
        ("http = 1", ["http"]),
        ("= 1", ["not TOML"]),
        ("[namespaces.topic]\nhistory = 1", ["namespaces.topic.history", "history_size"]),
        ("[namespaces.topic]\nallow_subscribe = 'all'", ["namespaces.topic", "all"]),
        ("[namespaces.job]\nallow_publish = 'any'", ["namespaces.job.allow_publish", "nobody"]),
        ("namespaces = 1", ["namespaces"]),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    error = refusal(text, path=tmp_path / "avance.toml")
    for word in words:
        assert word in error.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml"):
        read_settings(tmp_path / "nothing.toml", env={})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not TOML"):
        read_settings(tmp_path / "binary.toml", env={})


def test_namespaces_are_changed_and_added_in_the_file(tmp_path: Path) -> None:
    text = (
        "[namespaces.topic]\nhistory_size = 5\n[namespaces.chat]\nallow_publish = 'subscribers'\n"
    )
    by_name = {one.name: one for one in read(text, path=tmp_path / "a.toml").namespaces}
    assert set(by_name) == {"job", "jobs", "inbox", "topic", "chat"}
    assert by_name["topic"].history_size == 5
    assert by_name["topic"].presence
    assert by_name["chat"].allow_publish is Allow.SUBSCRIBERS
    assert by_name["chat"].history_size == 0


def test_api_keys_are_kept_as_digests_with_user_and_role() -> None:
    settings = read(AVANCE_API_KEYS="key-1=1, key-admin=0:admin,a=b=c:sender,")
    assert [(key.user, key.role) for key in settings.api_keys] == [
        ("1", Role.USER),
        ("0", Role.ADMIN),
        ("c", Role.SENDER),
    ]
    assert "key-1" not in repr(settings)
    digest = settings.api_keys[0].digest.hex()
    assert read(AVANCE_API_KEYS=f"sha256:{digest}=1").api_keys[0] == settings.api_keys[0]


@pytest.mark.parametrize(
    "keys",
    [
        "verysecretkey",
        "verysecretkey=",
        "=ana",
        "verysecretkey=ana:king",
        "sha256:12=ana",
        "verysecretkey=a,verysecretkey=b",
    ],
)
def test_a_wrong_api_key_is_refused_without_showing_it(keys: str) -> None:
    error = refusal(AVANCE_API_KEYS=keys)
    assert error.params["setting"] == "api_keys"
    assert "verysecretkey" not in error.message
    assert "verysecretkey" not in str(error.params)


def test_secrets_are_shown_nowhere() -> None:
    settings = read(AVANCE_TOKEN_SECRET="verysecret")
    assert settings.token_secret == Secret("verysecret")
    assert settings.token_secret is not None
    assert settings.token_secret.reveal() == "verysecret"
    assert "verysecret" not in repr(settings)
    assert "verysecret" not in f"{settings.token_secret}"


def test_apps_bring_settings_of_their_own() -> None:
    sections = {"ocr": OcrSettings}
    env = {"AVANCE_OCR_PAGES_MAX": "7", "OCR_LANG": "en"}
    settings = read_settings(env=env, sections=sections)
    assert settings.section(OcrSettings) == OcrSettings(language="en", pages_max=7)
    assert read_settings(env={}).section(OcrSettings) == OcrSettings()
    with pytest.raises(ConfigError, match=r"ocr\.pages_max"):
        read_settings(env={"AVANCE_OCR_PAGES_MAX": "0"}, sections=sections)
    with pytest.raises(ConfigError, match="AVANCE_OCR_PAGES_MAX"):
        read_settings(env=env)


@pytest.mark.parametrize(
    ("host", "auth", "is_allowed", "is_let"),
    [
        ("127.0.0.1", "open", False, True),
        ("127.8.8.8", "open", False, True),
        ("::1", "open", False, True),
        ("localhost", "open", False, True),
        ("0.0.0.0", "open", False, False),
        ("::", "open", False, False),
        ("", "open", False, False),
        ("192.168.1.2", "open", False, False),
        ("my-machine", "open", False, False),
        ("0.0.0.0", "open", True, True),
        ("0.0.0.0", "token", False, True),
    ],
)
def test_open_mode_is_for_loopback(host: str, auth: str, is_allowed: bool, is_let: bool) -> None:
    settings = Settings(host=host, auth=AuthMode(auth), allow_open_bind=is_allowed)
    if is_let:
        check_bind(settings)
    else:
        with pytest.raises(ConfigError, match="allow-open-bind"):
            check_bind(settings)


def test_whoever_lets_others_in_lets_them_call_by_any_name_unless_names_are_listed() -> None:
    assert read(AVANCE_ALLOW_OPEN_BIND="true").hosts == ("*",)
    assert read(AVANCE_ALLOW_OPEN_BIND="true", AVANCE_HOSTS="nas.local").hosts == ("nas.local",)
    assert read(AVANCE_ALLOW_OPEN_BIND="false").hosts == ()


def test_every_setting_is_documented_and_has_a_name_of_its_own() -> None:
    docs = describe({"ocr": OcrSettings})
    names = [doc.env for doc in docs]
    assert len(set(names)) == len(names)
    undocumented = [
        doc.name
        for doc in docs
        if not doc.doc and doc.name.partition(".")[0] in ("", "http", "tokens", "ocr", doc.name)
    ]
    assert undocumented == []
    by_name = {doc.name: doc for doc in docs}
    assert by_name["ocr.language"].aliases == ("OCR_LANG",)
    assert by_name["port"].default == "8030"
    assert by_name["token_secret"].is_secret
    assert by_name["api_keys"].is_secret


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
