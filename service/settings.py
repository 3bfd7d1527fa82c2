"""What an operator decides before a service starts.

Read once, explicitly, from a TOML file; environment variables named after the service and the setting override single
values, so that a secret need not stand in the file:

    COVENANT_BROKER_DATABASE_URL=postgresql://…

Nothing else in these packages reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from clients.protocol.errors import EncodingError
from clients.protocol.jws import public_key_from_jwk
from clients.protocol.messages.base import IDENTIFIER_PATTERN
from service.validation import words_for

__all__ = ["BrokerSettings", "Contact", "KeyHolderSettings", "ServiceSettings", "SettingsError", "load_settings"]

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingsError(Exception):
    """The settings cannot be used. The message names every fault and repeats no value: some are secret."""


def _public_jwk(jwk: dict[str, str]) -> dict[str, str]:
    try:
        public_key_from_jwk(jwk)
    except EncodingError as error:
        raise ValueError(str(error)) from None
    return jwk


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise ValueError("must be an https URL (http only for this machine)")
    if not parts.hostname or parts.query or parts.fragment or parts.username or url.endswith("/"):
        raise ValueError("must be scheme, host and path alone, without a slash at the end")
    return url


PublicJwk = Annotated[dict[str, str], AfterValidator(_public_jwk)]
"""An ES256 public key as JWK: kty, crv, x and y."""
BaseUrl = Annotated[str, AfterValidator(_base_url)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Contact(_Settings):
    """Whom the users of the API can ask; shown in the OpenAPI document."""

    name: str
    email: str
    url: str


class ServiceSettings(_Settings):
    """What both services need."""

    name: ClassVar[Literal["broker", "keyholder"]]

    issuer: BaseUrl
    """What tokens for this service name as their audience, and its own tokens as their issuer: its public base URL."""
    database_url: Annotated[str, Field(repr=False, min_length=1)]
    """PostgreSQL 15 or later."""
    database_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    """Per worker process."""
    key_directory: Path
    """Where the secret keys are; a directory that only the service's user can read."""
    operators: Annotated[dict[Annotated[str, Field(pattern=IDENTIFIER_PATTERN)], PublicJwk], Field(min_length=1)]
    """Who may enrol: operators by name, with the public keys that they sign their requests with."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    """Both, or neither where a proxy in front ends TLS."""
    body_limit: Annotated[int, Field(ge=1024, le=1 << 30)] = 8 * 1024 * 1024
    """Bytes."""
    sequencer: bool = True
    """Whether the processes that serve also keep the log's tree. With false, run `covenantd worker` beside them."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    contact: Contact | None = None


class BrokerSettings(ServiceSettings):
    """The broker's settings."""

    name: ClassVar[Literal["broker", "keyholder"]] = "broker"

    port: Annotated[int, Field(ge=1, le=65535)] = 8401
    key_holder_url: BaseUrl
    """Where the broker reaches the key holder; without `/v1`."""
    key_holder_issuer: BaseUrl
    """What the key holder calls itself: the audience of the broker's requests and of grants."""
    service_name: Annotated[str, Field(pattern=IDENTIFIER_PATTERN)] = "broker"
    """What the key holder's operator enrolled this broker as."""


class KeyHolderSettings(ServiceSettings):
    """The key holder's settings."""

    name: ClassVar[Literal["broker", "keyholder"]] = "keyholder"

    port: Annotated[int, Field(ge=1, le=65535)] = 8402


S = TypeVar("S", bound=ServiceSettings)


def load_settings(kind: type[S], path: Path | None, environment: Mapping[str, str] = os.environ) -> S:
    """The settings of one service from a TOML file, if given, and the environment.

    A variable `COVENANT_BROKER_…` (or `COVENANT_KEYHOLDER_…`) overrides the single value of that name. Relative paths
    are relative to the file. Raises SettingsError, which names every fault.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise SettingsError(f"{path}: not a TOML file") from None
    values |= _from_environment(kind, environment)
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {words_for(fault)}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("; ".join(faults)) from None
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise SettingsError("tls_certificate and tls_key: give both or neither")
    base = path.parent if path is not None else Path()
    located = {
        name: base / value for name in type(settings).model_fields if isinstance(value := getattr(settings, name), Path)
    }
    return settings.model_copy(update=located)


def _from_environment(kind: type[ServiceSettings], environment: Mapping[str, str]) -> dict[str, str]:
    prefix = f"COVENANT_{kind.name.upper()}_"
    names = {f"{prefix}{name.upper()}": name for name, field in kind.model_fields.items() if _single(field.annotation)}
    unknown = sorted(name for name in environment if name.startswith(prefix) and name not in names)
    if unknown:
        raise SettingsError(f"no setting is called {', '.join(unknown)}")
    return {names[name]: value for name, value in environment.items() if name in names}


def _single(annotation: Any) -> bool:
    """Whether one environment variable can hold a value of this type."""
    kinds = get_args(annotation) if get_origin(annotation) is not Literal else ()
    return not any(
        get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))
        for kind in (annotation, *kinds)
    )
