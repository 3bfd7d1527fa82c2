"""The broker's secrets of one covenant, in the key directory and nowhere else.

    signals/<covenant>/pepper            keys the index that pseudonyms are found by
    signals/<covenant>/pseudonym         seals stored pseudonyms
    signals/<covenant>/audit             keys the handles that the audit log names subjects by
    conversion/<covenant>/<match key>/broker.<epoch>                         b
    conversion/<covenant>/<match key>/<party>.<key version>.<epoch>          d_A

Files are read anew for each request: they are few and small, and a scalar that was destroyed is gone everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from clients.protocol.group import Scalar, decode_scalar, random_scalar
from service.storage.keystore import KeyDirectory, KeyExists, KeyMissing

__all__ = ["PartyKeyId", "SignalKeys", "SubjectKeys"]

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SubjectKeys:
    """Secrets by which pseudonyms of one covenant are indexed, sealed and named: 32 bytes each."""

    pepper: bytes = field(repr=False)
    sealing: bytes = field(repr=False)
    audit: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, order=True)
class PartyKeyId:
    """Which key of a party: the scalar d_A belongs to one K_A and one epoch."""

    covenant_id: str
    match_key: str
    party: str
    key_version: int
    epoch: int

    @property
    def name(self) -> str:
        return f"conversion/{self.covenant_id}/{self.match_key}/{self.party}.{self.key_version}.{self.epoch}"


class SignalKeys:
    """Secrets by what they are for. `random(n)` gives n bytes nobody can predict."""

    def __init__(self, keys: KeyDirectory, random: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._random = random

    def create(self, covenant_id: str) -> SubjectKeys:
        """Draws what is missing of a covenant's secrets, and reads them."""
        for use in ("pepper", "pseudonym", "audit"):
            self._draw(_subject_key(covenant_id, use), self._random(SECRET_BYTES))
        return self.subject_keys(covenant_id)

    def subject_keys(self, covenant_id: str) -> SubjectKeys:
        """Raises KeyMissing before the covenant was set up."""
        return SubjectKeys(
            *(self._keys.read(_subject_key(covenant_id, use)) for use in ("pepper", "pseudonym", "audit"))
        )

    def broker_scalar(self, covenant_id: str, match_key: str, epoch: int, *, draw: bool = False) -> Scalar:
        """b; drawn if there is none and `draw` says so. Raises KeyMissing."""
        name = f"conversion/{covenant_id}/{match_key}/broker.{epoch}"
        if draw:
            self._draw(name, random_scalar(self._random))
        return decode_scalar(self._keys.read(name))

    def conversion(self, key: PartyKeyId) -> Scalar:
        """d_A. Raises KeyMissing."""
        return decode_scalar(self._keys.read(key.name))

    def keep_conversion(self, key: PartyKeyId, conversion: Scalar) -> None:
        """Stores d_A. Another one there was left by a set-up that failed to commit: nothing rests on it."""
        try:
            self._keys.create(key.name, conversion)
        except KeyExists:
            if self._keys.read(key.name) != conversion:
                self._keys.destroy(key.name)
                self._keys.create(key.name, conversion)

    def destroy_conversion(self, key: PartyKeyId) -> None:
        """Makes d_A unreadable, if it is there."""
        self._destroy(key.name)

    def destroy_party(self, covenant_id: str, party: str, match_key: str | None = None) -> None:
        """Makes every d_A of a party unreadable, of one match key or of all, whatever version or epoch it is of."""
        for name in self._keys.names(f"conversion/{covenant_id}/"):
            _, _, of, file = name.split("/")
            owner, *versions = file.split(".")
            # b has an epoch and no key version: a party may be called `broker`.
            if owner == party and len(versions) == 2 and match_key in (None, of):
                self._destroy(name)

    def destroy_covenant(self, covenant_id: str) -> None:
        """Makes every secret of a covenant unreadable."""
        for folder in (f"conversion/{covenant_id}/", f"signals/{covenant_id}/"):
            for name in self._keys.names(folder):
                self._destroy(name)

    def _destroy(self, name: str) -> None:
        try:
            self._keys.destroy(name)
        except KeyMissing:
            return

    def _draw(self, name: str, secret: bytes) -> None:
        try:
            self._keys.create(name, secret)
        except KeyExists:
            return


def _subject_key(covenant_id: str, use: str) -> str:
    return f"signals/{covenant_id}/{use}"
