"""The one list of stage-one metrics."""

from __future__ import annotations

from typing import Final

from ultraqa.analysis import defects, lexical, shape
from ultraqa.analysis.corpus import Sample
from ultraqa.analysis.language import Scripts

COLUMNS: Final = (*shape.COLUMNS, *defects.COLUMNS, *lexical.COLUMNS)
SAMPLE: Final = Sample()
SCRIPTS: Final = Scripts()
METRICS: Final = (*COLUMNS, SAMPLE, SCRIPTS)
"""Every stage-one metric: the one list."""

COUNTS: Final = ("words", "characters", "tokens")
"""Message columns that are also columns of the prompt."""
