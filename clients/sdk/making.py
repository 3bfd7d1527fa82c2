"""One signal from one record: sealed fields, salted digests, the leaf that the batch's signature covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.signals import ItemSalts, SealedVariant, SignalSubmission, Token
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.sealing import SealedField, WrapInfo, seal_field
from clients.protocol.signed_items import SignalIdentity, commit_signal, item_slots, plain_items, sealed_item
from clients.sdk.agreement import Agreement
from clients.sdk.records import Record
from clients.sdk.services import KeyHolder
from covenant_rules.matrix import Matrix
from covenant_rules.retention import retention_month

__all__ = ["SignalMaker"]


class SignalMaker:
    """Makes signals of one party under the version in force, and asks the key of each retention month once."""

    def __init__(self, party: str, agreement: Agreement, key_holder: KeyHolder, random: Callable[[int], bytes]) -> None:
        self._party, self._agreement, self._key_holder, self._random = party, agreement, key_holder, random
        self._month_keys: dict[str, HybridPublicKey] = {}
        covenant = agreement.covenant
        self._matrix = Matrix(covenant)
        self._slots = item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants])

    def signal(
        self, signal_id: UUID, record: Record, tokens: Mapping[str, Mapping[bytes, Token]], replaces: UUID | None
    ) -> tuple[SignalSubmission, bytes]:
        """The submission and its leaf (32 bytes). `tokens` are by match key and value. Raises Refused, Unreachable."""
        covenant, party = self._agreement.covenant, self._party
        month = retention_month(covenant, record.category, record.day)
        sealed = {item: self._seal(signal_id, record, item, month) for item in record.fields}
        items = plain_items(
            category=record.category,
            day=record.day.isoformat(),
            purposes=record.purposes,
            origins=record.origins,
            handling_codes=record.handling_codes,
        ) | {item: sealed_item(s.commitment, s.ciphertext, s.wrapped_key) for item, s in sealed.items()}
        identity = SignalIdentity(covenant.id, covenant.version, party, signal_id.bytes)
        committed = commit_signal(identity, self._slots, items, self._random)
        submission = SignalSubmission(
            signal_id=signal_id,
            subject_kind=record.subject_kind,
            category=record.category,
            day=record.day,
            purposes=record.purposes,
            origins=record.origins,
            handling_codes=record.handling_codes,
            normalisation_version=NORMALISATION_VERSION,
            tokens=tuple(tokens[key][value] for key, value in sorted(record.subject.items())),
            fields=tuple(
                SealedVariant(
                    field=item.split(".")[0],
                    variant=item.split(".")[1],
                    salt=committed.salts[item],
                    ciphertext=s.ciphertext,
                    commitment=s.commitment,
                    wrapped_key=s.wrapped_key,
                    retention_month=month,
                )
                for item, s in sealed.items()
            ),
            salts=ItemSalts(
                category=committed.salts["category"],
                day=committed.salts["day"],
                purposes=committed.salts["purposes"],
                origins=committed.salts["origins"],
                handling_codes=committed.salts["handling-codes"],
            ),
            absent=committed.absent,
            replaces=replaces,
        )
        return submission, committed.leaf

    def _seal(self, signal_id: UUID, record: Record, item: str, month: str) -> SealedField:
        covenant = self._agreement.covenant
        field_, variant = item.split(".")
        info = WrapInfo(
            covenant=covenant.id,
            version=covenant.version,
            party=self._party,
            signal_id=signal_id.bytes,
            match_keys=tuple(sorted(record.subject)),
            category=record.category,
            purposes=record.purposes,
            handling_codes=record.handling_codes,
            origins=record.origins,
            field=field_,
            variant=variant,
            retention_month=month,
        )
        if month not in self._month_keys:
            self._month_keys[month] = HybridPublicKey(self._key_holder.sealing_key(month).public_key)
        return seal_field(
            record.fields[item].encode(), self._digested(record, item), info, self._month_keys[month], self._random
        )

    def _digested(self, record: Record, item: str) -> dict[str, bytes]:
        """The values whose digests travel inside a field. Whoever opens it can try identifiers against them.

        So only match keys that every kind may use to which the covenant can ever show this item of this record. Where
        there is none, the one key that most of them may use: the others cannot find the signal by it.
        """
        covenant, matrix = self._agreement.covenant, self._matrix
        own = covenant.parties[self._party].kind
        readers = [
            keys
            for kind, keys in covenant.match_keys[record.subject_kind].kinds.items()
            if any(
                matrix.may(purpose, stage, own, kind, record.category, item)
                for purpose in record.purposes
                for stage in covenant.stages
            )
        ]
        users = {key: sum(key in keys for keys in readers) for key in sorted(record.subject)}
        shared = [key for key, count in users.items() if count == len(readers)]
        return {key: record.subject[key] for key in shared or [max(users, key=lambda key: users[key])]}
