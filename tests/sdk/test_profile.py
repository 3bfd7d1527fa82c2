"""Profiles: keys that only their owner can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.sdk import ProfileError, ServiceAddress, create_profile, open_profile

BROKER = ServiceAddress("https://broker.example", "https://broker.example")
KEYS = ServiceAddress("https://keys.example", "https://keys.example")


def create(directory: Path, party: str = "police") -> None:
    create_profile(directory, covenant="complex-approach", party=party, broker=BROKER, key_holder=KEYS)


def test_what_was_made_is_what_is_opened(tmp_path: Path) -> None:
    create(tmp_path / "p")
    profile = open_profile(tmp_path / "p")
    assert (profile.covenant, profile.party, profile.broker) == ("complex-approach", "police", BROKER)
    assert profile.public_keys() == open_profile(tmp_path / "p").public_keys()


def test_no_private_key_shows(tmp_path: Path) -> None:
    create(tmp_path / "p")
    profile = open_profile(tmp_path / "p")
    for key in (profile.signing_key, profile.journal_key, profile.encryption_key.raw):
        assert repr(key)[2:-1] not in repr(profile)
        assert key.hex() not in repr(profile)


def test_a_profile_is_never_overwritten(tmp_path: Path) -> None:
    create(tmp_path / "p")
    with pytest.raises(ProfileError, match="already"):
        create(tmp_path / "p")


def test_keys_open_to_others_are_refused(tmp_path: Path) -> None:
    create(tmp_path / "p")
    (tmp_path / "p" / "keys" / "signing.key").chmod(0o644)
    with pytest.raises(ProfileError, match="open to others"):
        open_profile(tmp_path / "p")


def test_a_missing_profile_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="profile create"):
        open_profile(tmp_path)


def test_a_damaged_key_is_named_and_not_shown(tmp_path: Path) -> None:
    create(tmp_path / "p")
    (tmp_path / "p" / "keys" / "authentication.pem").write_text("-----BEGIN SECRET")
    with pytest.raises(ProfileError, match="damaged") as caught:
        open_profile(tmp_path / "p")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("party", ["Police", "", "pol ice", 'x"y'])
def test_a_name_that_is_none_is_refused(tmp_path: Path, party: str) -> None:
    with pytest.raises(ProfileError, match="not a name"):
        create(tmp_path / "p", party)


@pytest.mark.parametrize(
    "address",
    ["http://broker.example", "http://127.0.0.1.example:8401", "ftp://broker.example", "broker.example", "https://a b"],
)
def test_an_address_that_others_could_read_along_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ProfileError, match="https"):
        ServiceAddress(address, "https://broker.example")
    create(tmp_path / "p")
    written = tmp_path / "p" / "profile.toml"
    written.write_text(written.read_text().replace("https://broker.example", address))
    with pytest.raises(ProfileError, match="https"):
        open_profile(tmp_path / "p")


@pytest.mark.parametrize("address", ["http://127.0.0.1:8401", "http://localhost", "http://[::1]:8401"])
def test_nobody_reads_along_on_the_machine_itself(address: str) -> None:
    assert ServiceAddress(address, address).url == address
