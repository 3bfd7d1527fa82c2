"""Settings from file and environment, and the commands that read them."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clients.protocol.encoding import b64u_decode
from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.jws import generate_key, private_key_from_pem, public_jwk, public_key_from_jwk
from service import cli
from service.settings import BrokerSettings, KeyHolderSettings, SettingsError, load_settings
from service.storage.embedded import EmbeddedPostgres
from service.storage.keystore import KeyDirectory, KeyMissing
from service.storage.service_keys import SERVICE_KEYS, create_service_keys, es256_key, public_service_keys

JWK = public_jwk(generate_key())
SECRET = "hunter2"
BROKER = {
    "issuer": "https://broker.example",
    "database_url": f"postgresql://broker:{SECRET}@db/broker",
    "key_directory": "keys",
    "key_holder_url": "http://localhost:8402",
    "key_holder_issuer": "https://key-holder.example",
}


def written(path: Path, **changes: Any) -> Path:
    values = {name: value for name, value in (BROKER | changes).items() if value is not None}
    operators = values.pop("operators", {"operator-1": JWK})
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    for name, jwk in operators.items():
        lines += [f"[operators.{name}]", *(f"{member} = {json.dumps(value)}" for member, value in jwk.items())]
    file = path / "broker.toml"
    file.write_text("\n".join(lines))
    return file


def test_settings_come_from_the_file_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    settings = load_settings(BrokerSettings, written(tmp_path), {})
    assert settings.issuer == "https://broker.example"
    assert settings.key_directory == tmp_path / "keys"
    assert settings.operators == {"operator-1": JWK}
    assert settings.port == 8401


def test_the_environment_overrides_single_values(tmp_path: Path) -> None:
    environment = {
        "COVENANT_BROKER_DATABASE_URL": "postgresql://elsewhere/db",
        "COVENANT_BROKER_PORT": "9000",
        "X": "y",
    }
    settings = load_settings(BrokerSettings, written(tmp_path, database_url=None), environment)
    assert settings.database_url == "postgresql://elsewhere/db"
    assert settings.port == 9000


@pytest.mark.parametrize(
    "name", ["COVENANT_BROKER_DATABSE_URL", "COVENANT_BROKER_OPERATORS", "COVENANT_BROKER_CONTACT"]
)
def test_a_variable_that_is_no_single_setting_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings(BrokerSettings, written(tmp_path), {name: "x"})


def test_the_other_services_variables_are_not_ours(tmp_path: Path) -> None:
    assert load_settings(BrokerSettings, written(tmp_path), {"COVENANT_KEYHOLDER_PORT": "1"}).port == 8401


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"isuer": "x"}, "isuer"),
        ({"issuer": None}, "issuer"),
        ({"issuer": f"http://{SECRET}.example"}, "issuer"),
        ({"issuer": "https://broker.example/"}, "issuer"),
        ({"issuer": f"https://user:{SECRET}@broker.example"}, "issuer"),
        ({"issuer": f"https://broker.example?{SECRET}"}, "issuer"),
        ({"port": 0}, "port"),
        ({"log_level": SECRET}, "log_level"),
        ({"operators": {}}, "operators"),
        ({"operators": {"operator-1": JWK | {"d": SECRET}}}, "operators.operator-1"),
        ({"operators": {"operator-1": JWK | {"x": JWK["y"]}}}, "operators.operator-1"),
        ({"tls_certificate": "cert.pem"}, "tls_certificate"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(BrokerSettings, written(tmp_path, **changes), {})
    assert str(caught.value).startswith(place)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"= ", b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "broker.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"broker\.toml"):
        load_settings(BrokerSettings, file, {})


def test_settings_do_not_show_the_databases_password(tmp_path: Path) -> None:
    assert SECRET not in repr(load_settings(BrokerSettings, written(tmp_path), {}))


def test_the_key_holder_needs_no_broker(tmp_path: Path) -> None:
    settings = load_settings(KeyHolderSettings, written(tmp_path, key_holder_url=None, key_holder_issuer=None), {})
    assert (settings.name, settings.port) == ("keyholder", 8402)


# -- service keys ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICE_KEYS)
def test_a_services_keys_are_made_once(tmp_path: Path, service: str) -> None:
    keys = KeyDirectory(tmp_path)
    drawn = iter(range(1, 100))
    assert create_service_keys(keys, service, lambda n: bytes([next(drawn)]) * n) == list(SERVICE_KEYS[service])
    before = {name: keys.read(name) for name in keys.names()}
    assert create_service_keys(keys, service, lambda n: bytes(n)) == []
    assert {name: keys.read(name) for name in keys.names()} == before
    assert len(set(before.values())) == len(before)


def test_public_halves_fit_their_private_keys_and_no_secret_is_among_them(tmp_path: Path) -> None:
    keys = KeyDirectory(tmp_path)
    create_service_keys(keys, "broker", lambda n: bytes(range(n)))
    public = public_service_keys(keys, "broker")
    assert set(public) == {"authentication", "grants", "encryption", "checkpoint"}
    assert public["grants"] == public_jwk(es256_key(keys, "service/grants"))
    assert HybridPublicKey(b64u_decode(str(public["encryption"])))


def test_a_service_without_its_keys_says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="service/authentication"):
        public_service_keys(KeyDirectory(tmp_path), "broker")


# -- covenantd ---------------------------------------------------------------------------------------------------------


def covenantd(*arguments: object) -> str:
    result = CliRunner().invoke(cli.build(), [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_command_says_what_it_is_for() -> None:
    overview = covenantd("--help")
    for command in ("broker", "keyholder", "migrate", "keys"):
        assert command in overview
        assert "--help" in covenantd(command, "--help")


def test_an_operators_key_is_made_for_its_eyes_only_and_fits_the_settings(tmp_path: Path) -> None:
    lines = covenantd("keys", "operator", "operator-1", tmp_path / "operator.pem")
    file = tmp_path / "operator.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    jwk = tomllib.loads(lines)["operators"]["operator-1"]
    assert public_jwk(private_key_from_pem(file.read_bytes())) == jwk
    assert public_key_from_jwk(jwk)


def test_an_operators_key_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "operator.pem"
    file.write_text("precious")
    result = CliRunner().invoke(cli.build(), ["keys", "operator", "operator-1", str(file)])
    assert result.exit_code == 2
    assert file.read_text() == "precious"


def test_keys_are_created_and_shown_by_settings(tmp_path: Path) -> None:
    settings = written(tmp_path)
    assert "service/grants" in covenantd("keys", "create", "broker", "--settings", settings)
    shown = json.loads(covenantd("keys", "show", "broker", "--settings", settings))
    assert shown == public_service_keys(KeyDirectory(tmp_path / "keys"), "broker")


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["covenantd", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def test_what_an_operator_can_put_right_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "migrate", "broker", "--settings", tmp_path / "none.toml") == 1
    assert capsys.readouterr().err == f"covenantd: {tmp_path}/none.toml: No such file or directory\n"
    absent = written(tmp_path, database_url=f"postgresql://postgres:{SECRET}@/none?host={tmp_path}")
    assert run_main(monkeypatch, "migrate", "broker", "--settings", absent) == 1
    assert capsys.readouterr().err == "covenantd: the database did not answer\n"


def test_a_service_without_keys_or_schema_does_not_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    postgres: EmbeddedPostgres,
) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it started"))
    monkeypatch.setattr("service.web.access_log.configure_logging", lambda _: None)
    settings = written(tmp_path, database_url=postgres.url("unmigrated_cli"))
    assert run_main(monkeypatch, "broker", "--settings", settings) == 1
    assert "there is no key service/authentication" in capsys.readouterr().err
    covenantd("keys", "create", "broker", "--settings", settings)
    assert run_main(monkeypatch, "broker", "--settings", settings) == 1
    assert "run covenantd migrate" in capsys.readouterr().err
