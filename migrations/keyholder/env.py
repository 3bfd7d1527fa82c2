"""Alembic's way into the migrations of the key holder's database."""

from service.storage.migrate import run_environment

run_environment()
