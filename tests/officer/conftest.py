"""A database for each test that asks for one."""

from __future__ import annotations

from tests.service.conftest import fresh_database, postgres, templates

__all__ = ["fresh_database", "postgres", "templates"]
