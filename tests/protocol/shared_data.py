"""Where the shared test data lies: official vectors and real addresses that are not copied into the project.

The folder is named by COVENANT_SHARED_DATA, else it is `shared/data` beside the project. Tests that need it say loudly
that they did not run; what must hold everywhere is transcribed into `vectors/`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("COVENANT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def shared(name: str) -> Path:
    """The shared file `name`; without it the test is skipped with the reason in the report."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"shared test data missing: {path} (set COVENANT_SHARED_DATA); this check was NOT made")
    return path
