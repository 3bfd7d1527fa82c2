"""Signed tokens: each trap of python-jose 3.5.0 and of the formats themselves, one test each."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from jose import jws as python_jose

from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.errors import EncodingError, TokenError
from clients.protocol.jws import (
    LONGEST_TOKEN,
    generate_key,
    private_key_from_pem,
    private_key_to_pem,
    public_jwk,
    public_key_from_jwk,
    sign,
    thumbprint,
    unverified_kid,
    verify,
)

KEY = generate_key()
OTHER_KEY = generate_key()
KID = thumbprint(KEY)
KEYS = {KID: KEY.public_key()}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
TYP = "disclosure-grant+jwt"
CLAIMS: dict[str, Any] = {
    "aud": "https://keyholder.example",
    "sub": "municipality",
    "jti": "4f0c",
    "iat": SECONDS,
    "exp": SECONDS + 60,
}


def read(token: str, *, now: datetime = NOW) -> dict[str, Any]:
    return verify(token, KEYS, typ=TYP, audience="https://keyholder.example", now=now)


def made(claims: dict[str, Any] | bytes = CLAIMS, key: ec.EllipticCurvePrivateKey = KEY, **header: Any) -> str:
    """A token as a careless or hostile issuer makes it: any header, any payload, a right signature."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return python_jose.sign(claims, pem, headers={"typ": TYP, "kid": KID} | header, algorithm="ES256")


def with_header(token: str, header: dict[str, Any] | bytes) -> str:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return ".".join([b64u_encode(raw), *token.split(".")[1:]])


TOKEN = sign(CLAIMS, KEY, typ=TYP, kid=KID)


def test_a_token_is_read_by_whom_it_is_for() -> None:
    assert read(TOKEN) == CLAIMS
    assert unverified_kid(TOKEN) == KID
    assert read(made()) == CLAIMS


def refused(token: str, *, now: datetime = NOW) -> str:
    with pytest.raises(TokenError) as refusal:
        read(token, now=now)
    message = str(refusal.value)
    assert all(part not in message for part in token.split(".") if part)
    assert CLAIMS["jti"] not in message
    return message


def test_without_a_signature_a_token_is_refused() -> None:
    header, payload, _ = TOKEN.split(".")
    none = with_header(f".{payload}.", {"alg": "none", "typ": TYP, "kid": KID})
    assert "algorithm" in refused(with_header(TOKEN, {"alg": "none", "typ": TYP, "kid": KID}))
    refused(none)
    refused(f"{header}.{payload}.")
    refused(f"{header}.{payload}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_public_key_is_not_an_hmac_secret(algorithm: str) -> None:
    header = {"alg": algorithm, "typ": TYP, "kid": KID}
    signing_input = f"{b64u_encode(json.dumps(header).encode())}.{TOKEN.split('.')[1]}"
    digest = hashlib.sha256 if algorithm == "HS256" else hashlib.sha512
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = hmac.digest(pem, signing_input.encode(), digest)
    assert "algorithm" in refused(f"{signing_input}.{b64u_encode((forged * 2)[:64])}")


@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "PS256", "EdDSA", "es256", "", None, 1])
def test_no_other_algorithm_is_accepted(algorithm: object) -> None:
    assert "algorithm" in refused(with_header(TOKEN, {"alg": algorithm, "typ": TYP, "kid": KID}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crit", ["exp"]),
        ("crit", []),
        ("jku", "https://attacker.example/keys"),
        ("jwk", public_jwk(OTHER_KEY)),
        ("x5u", "https://attacker.example/chain"),
        ("x5c", ["MIIB"]),
        ("x5t", "AA"),
        ("b64", False),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("cty", "JWT"),
    ],
)
def test_a_header_that_says_more_is_refused_though_rightly_signed(name: str, value: Any) -> None:
    assert "exactly alg, typ and kid" in refused(made(**{name: value}))


@pytest.mark.parametrize("typ", ["JWT", "disclosure-grant+JWT", "application/disclosure-grant+jwt", "", None, 1])
def test_the_type_is_exact(typ: object) -> None:
    refused(made(typ=typ))


def test_the_type_may_not_be_left_out() -> None:
    refused(with_header(TOKEN, {"alg": "ES256", "kid": KID}))


def test_the_key_is_one_that_the_caller_pinned() -> None:
    assert "not known" in refused(sign(CLAIMS, OTHER_KEY, typ=TYP, kid=thumbprint(OTHER_KEY)))
    assert "signature" in refused(sign(CLAIMS, OTHER_KEY, typ=TYP, kid=KID))
    refused(with_header(TOKEN, {"alg": "ES256", "typ": TYP}))
    refused(made(kid=["x"]))


@pytest.mark.parametrize("name", ["aud", "sub", "jti", "iat", "exp"])
@pytest.mark.parametrize("value", ["absent", None, "", 0, -1, True, 1.5, [], ["https://keyholder.example"]])
def test_a_required_claim_is_there_and_of_its_kind(name: str, value: object) -> None:
    claims = {key: claim for key, claim in CLAIMS.items() if key != name}
    refused(made(claims if value == "absent" else claims | {name: value}))


@pytest.mark.parametrize("name", ["iat", "exp"])
@pytest.mark.parametrize("value", ["1795348860", "soon", float(SECONDS)])
def test_a_moment_is_a_whole_number(name: str, value: object) -> None:
    refused(made(json.dumps(CLAIMS | {name: value}).encode()))


@pytest.mark.parametrize("name", ["aud", "sub", "jti", "iat", "exp"])
def test_a_token_without_a_required_claim_is_not_even_signed(name: str) -> None:
    with pytest.raises(TokenError):
        sign({key: claim for key, claim in CLAIMS.items() if key != name}, KEY, typ=TYP, kid=KID)


@pytest.mark.parametrize(
    "audience", ["https://broker.example", "https://keyholder.example/", "https://keyholder.example/token"]
)
def test_the_audience_is_the_issuer_string_alone(audience: str) -> None:
    assert "audience" in refused(made(CLAIMS | {"aud": audience}))


def test_a_token_is_valid_from_issue_to_expiry_and_five_seconds_of_clock_either_way() -> None:
    for offset, valid in ((-6, False), (-5, True), (0, True), (64, True), (65, False), (3600, False)):
        moment = NOW + timedelta(seconds=offset)
        if valid:
            read(TOKEN, now=moment)
        else:
            refused(TOKEN, now=moment)


def test_a_token_that_expires_before_it_is_issued_is_refused() -> None:
    refused(made(CLAIMS | {"iat": SECONDS, "exp": SECONDS}))


def test_not_before_is_heeded_where_it_stands() -> None:
    read(made(CLAIMS | {"nbf": SECONDS}))
    refused(made(CLAIMS | {"nbf": SECONDS + 30}))
    refused(made(CLAIMS | {"nbf": "soon"}))


@pytest.mark.parametrize("moment", [2**37, 253_402_300_799, 253_402_300_800, 2**53 - 1])
def test_a_moment_beyond_all_calendars_is_an_answer_not_an_accident(moment: int) -> None:
    token = made(CLAIMS | {"exp": moment})
    if moment <= 253_402_300_799:
        read(token)
    else:
        refused(token)
    refused(made(CLAIMS | {"iat": moment, "exp": moment}))


def test_an_overlong_token_is_refused_unread() -> None:
    long = sign(CLAIMS | {"filler": "x" * LONGEST_TOKEN}, KEY, typ=TYP, kid=KID)
    assert "too long" in refused(long)
    with pytest.raises(TokenError):
        unverified_kid(long)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "a.b.c.d.e", "é.é.é", "\ud800.\ud800.\ud800"])
def test_what_is_no_compact_token_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        read(token)
    with pytest.raises(TokenError):
        unverified_kid(token)


def test_encrypted_tokens_are_refused() -> None:
    with pytest.raises(TokenError):
        read(".".join([b64u_encode(b'{"alg":"dir","enc":"A256GCM"}'), "", "AAAA", "AAAA", "AAAA"]))


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("change", ["=", "\n", " ", "\ud800", "+"])
def test_a_token_has_one_spelling(part: int, change: str) -> None:
    parts = TOKEN.split(".")
    parts[part] += change
    with pytest.raises(TokenError):
        read(".".join(parts))


def test_stray_bits_after_the_signature_are_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = TOKEN[:-1] + alphabet[alphabet.index(TOKEN[-1]) + 1]
    python_jose.verify(stray, public_jwk(KEY) | {"alg": "ES256"}, algorithms=["ES256"])  # the trap
    refused(stray)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"1", b"{", b'{"alg":"none","alg":"ES256","typ":"x","kid":"y"}', b"\xff", b'{"alg":NaN}', b"[" * 5000],
)
def test_a_header_out_of_form_is_refused(header: bytes) -> None:
    refused(with_header(TOKEN, header))


@pytest.mark.parametrize("payload", [b"[]", b"1", b"{", b'{"aud":1,"aud":2}', b'{"exp":NaN}', b"\xff", b"[" * 5000])
def test_a_payload_out_of_form_is_refused_though_rightly_signed(payload: bytes) -> None:
    refused(made(payload))


@given(st.integers(0, 8 * 64 - 1))
def test_no_bit_of_a_signature_may_change(bit: int) -> None:
    head, payload, signature = TOKEN.split(".")
    changed = bytearray(b64u_decode(signature))
    changed[bit // 8] ^= 1 << bit % 8
    refused(f"{head}.{payload}.{b64u_encode(bytes(changed))}")


@given(st.text(max_size=60))
def test_any_text_is_refused_as_a_token_and_nothing_else_happens(token: str) -> None:
    with pytest.raises(TokenError):
        read(token)


def test_a_der_signature_is_refused() -> None:
    head, payload, _ = TOKEN.split(".")
    der = KEY.sign(f"{head}.{payload}".encode(), ec.ECDSA(SHA256()))
    assert all(decode_dss_signature(der))
    refused(f"{head}.{payload}.{b64u_encode(der)}")


def test_a_directory_that_only_looks_up_is_asked_for_one_key() -> None:
    asked: list[str] = []

    class Directory(dict[str, ec.EllipticCurvePublicKey]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.append(name)
            return KEYS.get(name)

    verify(TOKEN, Directory(), typ=TYP, audience=CLAIMS["aud"], now=NOW)
    assert asked == [KID]


def test_the_module_does_not_load_on_another_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    from jose.backends.ecdsa_backend import ECDSAECKey

    spec = importlib.util.find_spec("clients.protocol.jws")
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    monkeypatch.setattr("jose.backends.ECKey", ECDSAECKey)
    with pytest.raises(ImportError, match="cryptography"):
        spec.loader.exec_module(copy)


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    # RFC 9449 §4 names the thumbprint of this key of RFC 9449 §4.1 (figure 2) in its `cnf` example.
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    }
    assert thumbprint(public_key_from_jwk(jwk)) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_keys_survive_their_encodings() -> None:
    assert private_key_to_pem(private_key_from_pem(private_key_to_pem(KEY))) == private_key_to_pem(KEY)
    assert public_jwk(public_key_from_jwk(public_jwk(KEY))) == public_jwk(KEY) == public_jwk(KEY.public_key())
    assert len(b64u_decode(KID, length=32)) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "OKP"},
        {"crv": "P-384"},
        {"d": "AA"},
        {"alg": "ES256"},
        {"x": "AA"},
        {"x": 1},
        {"x": b64u_encode(bytes(32))},
        {"y": b64u_encode(b"\xff" * 32)},
        {"y": public_jwk(OTHER_KEY)["y"]},
    ],
)
def test_what_is_no_public_p_256_jwk_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EncodingError):
        public_key_from_jwk(public_jwk(KEY) | change)


def test_a_jwk_without_a_coordinate_is_refused() -> None:
    with pytest.raises(EncodingError):
        public_key_from_jwk({"kty": "EC", "crv": "P-256", "x": public_jwk(KEY)["x"]})


def test_what_is_no_p_256_private_key_is_refused() -> None:
    def pem(key: Any, encryption: Any = None) -> bytes:
        encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
        return encoded

    for wrong in (
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(KEY, BestAvailableEncryption(b"secret")),
    ):
        with pytest.raises(EncodingError):
            private_key_from_pem(wrong)
