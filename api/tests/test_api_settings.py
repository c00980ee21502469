"""The operator's settings: what is understood, and what is said when it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from coursewright.errors import InputError
from coursewright.settings import Settings, settings_from
from coursewright_api.auth.keys import read_keys
from coursewright_api.settings import ServerSettings, server_settings


def read(tmp_path: Path, **server: Any) -> ServerSettings:
    return server_settings(Settings(data_dir=tmp_path, server=server))


def test_nothing_need_be_set(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert (found.url, found.secure, found.database_url) == ("http://127.0.0.1:8400", False, "")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[server]\nport = 9000\nhost = "0.0.0.0"\nallowed_origins = ["https://a.example"]\n')
    environment = {
        "COURSEWRIGHT_SETTINGS": str(file),
        "COURSEWRIGHT_SERVER_PORT": "9001",
        "COURSEWRIGHT_SERVER_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2,",
        "COURSEWRIGHT_SERVER_PUBLIC_URL": "https://Courses.example.org/",
    }
    found = server_settings(settings_from(environment))
    assert (found.port, found.host) == (9001, "0.0.0.0")
    assert found.trusted_proxies == ("10.0.0.1", "10.0.0.2")
    assert found.allowed_origins == ("https://a.example",)
    assert (found.url, found.secure) == ("https://courses.example.org", True)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("port", "99999", "expected `int` <= 65535"),
        ("port", "http", "expected `int`, got `str`"),
        ("registration", "ask", "invalid enum value 'ask'"),
        ("access_token_s", "1", "expected `int` >= 30"),
        ("database_url", "mysql://db/x", "expected postgres://user:password@host/name, or nothing for SQLite"),
        ("allowed_origins", "lms.example.org", "expected an address such as https://courses.example.org, "),
        ("public_url", "https://x.org/sub", "expected an address such as https://courses.example.org, "),
        ("public_url", "https://x.org:port", "expected an address such as https://courses.example.org, "),
        ("terms_url", "javascript:alert(1)", "expected an address such as https://example.org/terms, "),
        ("prot", "1", "there is no such setting"),
    ],
)
def test_a_wrong_value_names_field_and_variable(tmp_path: Path, field: str, value: str, reason: str) -> None:
    with pytest.raises(InputError) as told:
        read(tmp_path, **{field: value})
    assert told.value.field == field
    assert told.value.message.startswith(f"the server's setting '{field}': {reason}")
    assert f"COURSEWRIGHT_SERVER_{field.upper()}" in told.value.remedy


def test_the_password_of_the_database_is_not_shown(tmp_path: Path) -> None:
    assert "hush" not in repr(read(tmp_path, database_url="postgres://me:hush@db/x"))


def test_a_short_signing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JWT_KEY has 5 bytes"):
        read_keys(Settings(data_dir=tmp_path, secrets={"JWT_KEY": "short"}))
    long = Settings(data_dir=tmp_path, secrets={"JWT_KEY": "k" * 32})
    assert read_keys(long).derived("access") != read_keys(long).derived("refresh")
    assert not (tmp_path / "jwt.key").exists()
