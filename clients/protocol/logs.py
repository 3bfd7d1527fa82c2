"""How logs and witnesses are called in checkpoints: after the service that answers for them, and the covenant.

    broker.example/covenants/complex-approach     the tree of one covenant at one service
    broker.example/log                            what concerns the service and no single covenant
    keyholder.example/witness                     the name under which the key holder cosigns

A name is part of what is signed, so a service keeps its issuer for as long as its logs are to be believed.
"""

from __future__ import annotations

__all__ = ["log_origin", "witness_name"]


def log_origin(issuer: str, covenant_id: str | None) -> str:
    """The origin of a covenant's log, or with None of the service's own, at the service called `issuer`."""
    return _below(issuer, "log" if covenant_id is None else f"covenants/{covenant_id}")


def witness_name(issuer: str) -> str:
    """The name under which the service called `issuer` cosigns."""
    return _below(issuer, "witness")


def _below(issuer: str, path: str) -> str:
    """C2SP names have no scheme (c2sp.org/tlog-checkpoint)."""
    return f"{issuer.partition('://')[2] or issuer}/{path}"
