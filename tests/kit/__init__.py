"""A covenant in one process: its parties with all their keys, a key holder, and a broker behind real HTTP routes.

    stage = open_stage(database_url, tmp_path)         founded, enrolled, set up
    police = stage.partner("police")
    made = police.signal(subject("flat 1"), "noise")
    police.submit(made)
    police.get("/hits").json()

What a partner makes here it makes as the client does, from the protocol's own functions, except that the key holder
sees its identifiers: blinding is tested elsewhere, and costs time.
"""

from tests.kit.holder import Holder
from tests.kit.partner import Made, Partner, subject
from tests.kit.stage import Stage, open_stage, reopen_stage

__all__ = ["Holder", "Made", "Partner", "Stage", "open_stage", "reopen_stage", "subject"]
