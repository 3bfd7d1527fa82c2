"""How much chance the tests of the rules are given: as much as there is time for, or a little of it, always the same.

`--hypothesis-profile=brief` asks a tenth, drawn without chance. Branch coverage is measured and mutants are hunted so:
a line that is covered today is covered tomorrow, and a mutant that survives once survives again.
"""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile(
    "brief",
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # what fails under a mutant need not be told in its simplest form
    report_multiple_bugs=False,
)
