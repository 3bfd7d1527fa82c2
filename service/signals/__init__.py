"""Signals: taken in, matched, corrected, withdrawn, erased. A token becomes a pseudonym here, and is gone."""
