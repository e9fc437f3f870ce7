"""Histograms of a Profile's columns: what the report draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part

_COUNTS: Final = ("words", "characters", "tokens")
_INDICES: Final = {"mtld": (0.0, 200.0), "mtld_paper": (0.0, 200.0), "hdd": (0.5, 1.0), "mattr_50": (0.5, 1.0)}
_BINS: Final = 40


def distributions(part: Part) -> list[dict[str, Any]]:
    """Histograms of rounds, of lengths by dialogue and by role, and of the lexical indices of replies.

    Counts are binned by a quarter of a power of two, rounded; the last bin of an index holds what lies above. The
    edges do not depend on the data, so that datasets can be laid over each other.
    """
    rounds = part.dialogue("rounds")
    found = [_histogram(part.name, "rounds", "dialogue", rounds, np.arange(-0.5, 41.5), "linear", "rounds")]
    names = part.profile.columns("messages")
    for name in _COUNTS:
        if name in names:
            edges = np.unique(np.round(np.concatenate([[0], 2 ** np.arange(0, 20.25, 0.25)])))
            found.append(_histogram(part.name, name, "dialogue", part.dialogue(name), edges, "log", name))
            values = part.message(name)
            for scope, role in (("user", USER), ("assistant", ASSISTANT)):
                found.append(_histogram(part.name, name, scope, values[part.roles == role], edges, "log", name))
    for name, (low, high) in _INDICES.items():
        values = part.message(name)[part.roles == ASSISTANT]
        edges = np.linspace(low, high, _BINS + 1)
        unit = "words" if name.startswith("mtld") else ""
        found.append(_histogram(part.name, name, "assistant", values, edges, "linear", unit))
    return [one for one in found if sum(one["counts"])]


def _histogram(
    dataset: str, metric: str, scope: str, values: NDArray[Any], edges: NDArray[Any], scale: str, unit: str
) -> dict[str, Any]:
    floats = values.astype(float)
    clipped = np.clip(floats[~np.isnan(floats)], edges[0], edges[-1])
    counts = np.histogram(clipped, edges)[0]
    last = int(np.flatnonzero(counts).max()) + 1 if counts.any() else 0
    return {
        "dataset": dataset, "metric": metric, "scope": scope, "unit": unit, "scale": scale,
        "edges": [float(edge) for edge in edges[: last + 1]], "counts": counts[:last].tolist(),
    }  # fmt: skip
