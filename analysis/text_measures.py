"""The one list of measures that read the texts of drawn dialogues."""

from __future__ import annotations

from typing import Final

from ultraqa.analysis import conflicts, sectors, specifics, users

MEASURES: Final = (users.MEASURE, specifics.MEASURE, conflicts.MEASURE, sectors.MEASURE)
