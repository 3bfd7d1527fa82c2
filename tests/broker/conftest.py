"""Databases come from the service tests: one embedded PostgreSQL per test process."""

from tests.service.conftest import fresh_database, postgres, templates

__all__ = ["fresh_database", "postgres", "templates"]
