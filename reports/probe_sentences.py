"""What probes amount to, in one or two sentences for people who know no statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ultraqa.analysis.probes import DEFINITIONS, LEAST_Z
from ultraqa.analysis.verdict import (
    ADVISED_DIALOGUES,
    ADVISED_WORDS,
    LEAST_DIALOGUES,
    LEAST_WORDS,
    MOST_SHIFT,
    Guards,
    is_moved,
)
from ultraqa.reports import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOY: Final = "This is a simulation of a toy model, never a prediction for a language model."
_TEXT: Final = {"assistant": "assistant text", "user": "user text", "both": "text"}
_PLAIN: Final = {
    "missing_mass_1": "words that occur once",
    "missing_mass_2": "word pairs that occur once",
    "missing_mass_3": "word triples that occur once",
    "self_repetition_4": "four-word phrases that other dialogues also have",
}
"""What the deciding probes count; the compression ratio is told in words of its own."""


def of_comparison(one: Mapping[str, Any]) -> str:
    """What a comparison amounts to."""
    told = {
        "insufficient": _insufficient,
        "degenerate": _degenerate,
        "different domain": _different,
        "no narrowing": _none,
        "watch": _watch,
        "narrowed": _narrowed,
    }
    return told[one["verdict"]](one)


def of_generations(one: Mapping[str, Any]) -> str:
    """What generations amount to; the document is that of the last one, with the verdict of all."""
    count = len(one["generations"])
    if one["verdict"] == "insufficient":
        least = min(one["generations"], key=lambda found: (found["words"], found["dialogues"]))
        return of_comparison({**least, "verdict": "insufficient"})
    if one["verdict"] == "different domain":
        return (
            "A generation is about other things than the one before it, or of another kind: whether the text narrows "
            f"cannot be told. {_choose()}"
        )
    if one["verdict"] == "collapsing":
        families = _listed(list(one["families"]))
        return (
            f"From generation to generation the {_TEXT[one['part']]} says less: {_beside(one, 'the last')} than the "
            f"first, and it goes on over {count + 1} generations ({one['severity']}; signs in {families})."
        )
    if one["verdict"] == "narrowed":
        return f"{_narrowed(one)} That it goes on in the later generations is not shown."
    return f"Of {count + 1} generations, the last beside the first: {of_comparison(one)}"


def of_simulation(one: Mapping[str, Any]) -> str:
    """What a simulation shows; it always says that it is one."""
    found = one["generations"]
    first = next((i for i, each in enumerate(found, 1) if each["verdict"] in {"narrowed", "watch"}), None)
    model = {"ngram": "A trigram model", "unigram": "A model of single words"}[one["simulation"]["model"]]
    if first is not None:
        seen = f"the probes notice it from generation {first} on"
    elif any(each["verdict"] == "degenerate" for each in found):
        seen = "its text is told from narrow text, as noise"
    else:
        seen = "the probes notice nothing" + " at this size" * (one["verdict"] == "insufficient")
    shown = f"{model} learned from half of this text, then from its own samples: {seen}. {of_generations(one)}"
    control = one["simulation"]["control"]["verdict"]
    if control not in {"no narrowing", "insufficient"}:
        shown += f" The two halves of the text alone give “{control}” already: read the figures with that in mind."
    return f"{TOY} {shown}"


def of_levels(one: Mapping[str, Any]) -> str:
    """What levels alone say, which is nothing about narrowing."""
    lacking = f"{_name(one['reference'])} holds no words" if one["reference"] else "There is nothing to hold it against"
    return (
        f"{lacking}: these are the levels of {_name(one['candidate'])}, and a level alone cannot tell whether it has "
        "narrowed. Name text of the same kind with --reference, best the data that its generator learned from."
    )


def _insufficient(one: Mapping[str, Any]) -> str:
    return (
        f"Too little text to tell: {one['dialogues']:,} dialogues and {one['words']:,} words of {_TEXT[one['part']]} "
        f"can be compared; {LEAST_DIALOGUES} dialogues and {LEAST_WORDS:,} words are needed, {ADVISED_DIALOGUES} and "
        f"{ADVISED_WORDS:,} are better."
    )


def _degenerate(one: Mapping[str, Any]) -> str:
    return (
        f"{_name(one['candidate'])} has the words of {_name(one['reference'])} in an order that hardly anything "
        "foretells, as noise or shuffled text does: its variety says nothing. Look at its dialogues."
    )


def _different(one: Mapping[str, Any]) -> str:
    return (
        f"{_name(one['candidate'])} is about other things than {_name(one['reference'])}, or of another kind"
        f"{_moved(one['guards'])}: the levels are shown, whether it is narrower cannot be told. {_choose()}"
    )


def moved_by(guards: Mapping[str, float | None]) -> tuple[bool, bool]:
    """Whether the common words, and whether the new words, show that a candidate is of another domain."""
    found = Guards(**guards)
    return is_moved(found._replace(novelty=None)), is_moved(found._replace(shift=None))


def _moved(guards: Mapping[str, float | None]) -> str:
    """What showed that a candidate is of another domain."""
    common, new = moved_by(guards)
    said = []
    if common:
        said.append(f"its common words differ by {guards['shift']:.2f}, where up to {MOST_SHIFT} is one kind of text")
    if new:
        said.append(f"it has {guards['novelty']:.1f} times as many new words as text of one kind has")
    return f" ({'; '.join(said)})" if said else ""


def _choose() -> str:
    return "Choose a reference of the same kind: the same source, or answers to the same prompts."


def _none(one: Mapping[str, Any]) -> str:
    more = _more_varied(one["probes"])
    shown = (
        f"it is more varied, with {_listed(more)}" if more else "it is no narrower than human texts of one kind can be"
    )
    return (
        f"No sign that {_name(one['candidate'])} says less than {_name(one['reference'])}: in the same "
        f"{one['words']:,} words {shown}.{_detectable(one)}{_small(one)}"
    )


def _watch(one: Mapping[str, Any]) -> str:
    return (
        f"One sign of narrowing, of {_listed(list(one['families']))}: {_beside(one)}. One sign alone can be chance, or "
        f"a manner of writing: read the wording below, and compare more text.{_small(one)}"
    )


def _narrowed(one: Mapping[str, Any]) -> str:
    return (
        f"{_name(one['candidate'])} says less than {_name(one['reference'])}: {_beside(one)}. "
        f"{str(one['severity']).capitalize()} narrowing, with signs of {_listed(list(one['families']))}.{_small(one)}"
    )


def _beside(one: Mapping[str, Any], who: str = "it") -> str:
    """What of the deciding families that fired has become less, or more of the same."""
    fired = [probe for probe in one["probes"] if probe["fired"] and probe["family"] in one["families"]]
    said = _listed([_difference(probe) for probe in fired if probe["name"] in _PLAIN])
    packs = [probe for probe in fired if probe["name"] == "compression_ratio"]
    parts = [f"has {said}"] * bool(said) + [f"packs {_percent(probe)} % smaller" for probe in packs]
    return f"in the same {one['words']:,} words {who} {' and '.join(parts)}"


def _more_varied(probes: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a candidate has clearly more of than its reference, by the probes that decide."""
    found = []
    for probe in probes:
        rule = DEFINITIONS.get(probe["name"])
        if rule is not None and rule.least is not None and probe["name"] in _PLAIN and probe["z"] is not None:
            wider = -rule.narrower
            if wider * probe["z"] > LEAST_Z and wider * (probe["change"] or 0.0) > rule.least:
                found.append(_difference(probe))
    return found


def _difference(probe: Mapping[str, Any]) -> str:
    """A change in words: 18 % fewer words that occur once."""
    change = probe["change"]
    if change >= 1:
        return f"{1 + change:.1f} times as many {_PLAIN[probe['name']]}"
    return f"{_percent(probe)} % {'more' if change > 0 else 'fewer'} {_PLAIN[probe['name']]}"


def _percent(probe: Mapping[str, Any]) -> str:
    change = probe["change"]
    if probe["name"] == "compression_ratio":
        change = 1 - 1 / (1 + change)
    return f"{abs(100 * change):.0f}"


def _detectable(one: Mapping[str, Any]) -> str:
    """What would have been noticed, where that was tried: it is where wording was looked for."""
    if one["lost"] is None:
        return ""
    if one["detectable_share"] is None:
        return " At this size even text made by a toy model alone would not have been noticed."
    share = f"{100 * one['detectable_share']:.0f} %"
    return f" Had {share} of the reference’s own dialogues been a toy model’s, it would have been noticed."


def _small(one: Mapping[str, Any]) -> str:
    if one["dialogues"] >= ADVISED_DIALOGUES and one["words"] >= ADVISED_WORDS:
        return ""
    return (
        f" With {one['dialogues']:,} dialogues and {one['words']:,} words only strong narrowing shows; "
        f"{ADVISED_DIALOGUES} and {ADVISED_WORDS:,} are better."
    )


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _name(name: str | None) -> str:
    return numbers.name_cell(name or "")
