"""What a partner installs needs no server package: the client's lock, in an empty environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_client_installs_and_runs_without_the_server(tmp_path: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert uv is not None, "uv is missing: run `make setup`"
    python = tmp_path / "venv" / "bin" / "python"

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(uv, "pip", "sync", "--quiet", "--python", python, ROOT / "requirements-client.lock")
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", ROOT)
    installed = run(uv, "pip", "list", "--python", python)
    for server in ("fastapi", "sqlmodel", "uvicorn", "psycopg", "alembic"):
        assert server not in installed
    assert "submit" in run(tmp_path / "venv" / "bin" / "covenant", "--help")
