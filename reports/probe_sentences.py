"""What probes amount to, in one or two sentences for people who know no statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
_ROUNDING: Final = 1e-12
_SHARES: Final = {0.1: "a tenth", 0.25: "a quarter", 0.5: "half", 0.75: "three quarters", 1.0: "all"}


class _Size(NamedTuple):
    """How much of a side is compared, and how much is needed and better."""

    unit: str
    held: int
    least: int
    advised: int


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
    toy = "simulation" in one
    count, first = len(one["generations"]) + (not toy), "the text that it never saw" if toy else "the first"
    if one["verdict"] == "insufficient":
        short = [found for found in one["generations"] if found["verdict"] == "insufficient"]
        return of_comparison(min(short, key=lambda found: (found["words"], found["dialogues"])))
    if one["verdict"] == "different domain":
        order = "" if toy else " Check the order (generation 0 first). A step to another kind of text cannot be read."
        return (
            "A generation is about other things than the one before it, of another kind, or far wider or narrower at "
            f"one step: whether the text narrows cannot be told.{order}"
        )
    if one["verdict"] == "collapsing":
        families = _listed(list(one["families"]))
        return (
            f"From generation to generation the {_TEXT[one['part']]} says less: {_beside(one, 'the last')} than "
            f"{first}, and it goes on over {count} generations ({one['severity']}; signs in {families})."
        )
    if one["verdict"] == "narrowed":
        return f"{_narrowed(one)} That it goes on in the later generations is not shown."
    return f"Of {count} generations, the last beside {first}: {of_comparison(one)}"


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
    told = of_generations(one)
    shown = f"{model} learned from half of this text, then from its own samples: {seen}. {told[:1].upper()}{told[1:]}"
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
    short = [each for each in _sizes(one) if each.held < each.least]
    return (
        f"Too little text to tell: {_listed([f'{each.held:,} {each.unit}' for each in short])} of "
        f"{_TEXT[one['part']]} can be compared; {_listed([f'{each.least:,} {each.unit}' for each in short])} are "
        f"needed, {_listed([f'{each.advised:,}' for each in short])} are better."
    )


def _degenerate(one: Mapping[str, Any]) -> str:
    return (
        f"{_name(one['candidate'])} has the words of {_name(one['reference'])} in an order that hardly anything "
        "foretells, as noise or shuffled text does: its variety says nothing. Look at its dialogues."
    )


def _different(one: Mapping[str, Any]) -> str:
    shares = next((probe for probe in one["probes"] if probe["name"] == "self_repetition_4" and probe["fired"]), None)
    wording = " (then see the wording below)" * _is_worded(one)
    phrases = f"; its dialogues share {1 + shares['change']:.1f} times as many phrases" if shares else ""
    return (
        f"{_name(one['candidate'])} cannot be read beside {_name(one['reference'])}: {_moved(one['guards'])}. That is "
        f"another subject or kind of text, or set phrases that stand in much of it{wording}{phrases}. How varied it is "
        "cannot be told against this reference: choose one of the same kind, or one with the same prompts."
    )


def _is_worded(one: Mapping[str, Any]) -> bool:
    """Whether there is wording below that stands on one side only."""
    return bool(one["lost"]) and any([*one["lost"].values(), *one["new"].values()])


def moved_by(guards: Mapping[str, float | None]) -> tuple[bool, bool]:
    """Whether the common words, and whether the new words, show that a candidate is of another domain."""
    found = Guards(**guards)
    return is_moved(found._replace(novelty=None)), is_moved(found._replace(shift=None))


def _moved(guards: Mapping[str, float | None]) -> str:
    """What showed that a candidate is of another domain."""
    common, new = moved_by(guards)
    said = []
    if common:
        limit = f"they differ by {guards['shift']:.2f}, where up to {MOST_SHIFT} is one kind of text"
        said.append(f"its common words are others than the reference’s ({limit})")
    if new:
        said.append(f"it has {guards['novelty']:.1f} times as many new words as text of one kind has")
    return _listed(said)


def _none(one: Mapping[str, Any]) -> str:
    if _is_same(one["probes"]):
        return (
            f"{_name(one['candidate'])} and {_name(one['reference'])} hold the same text, in all {one['words']:,} "
            "words that are compared: name other text to compare it with."
        )
    more = _more_varied(one["probes"])
    shown = (
        f"it is more varied, with {_listed(more)}" if more else "it is no narrower than two texts of one kind can be"
    )
    return (
        f"No sign that {_name(one['candidate'])} says less than {_name(one['reference'])}: in the same "
        f"{one['words']:,} words {shown}.{_detectable(one)}{_small(one)}"
    )


def _watch(one: Mapping[str, Any]) -> str:
    return (
        f"One sign of narrowing, of {_listed(list(one['families']))}: {_beside(one)}. One sign alone can be chance, or "
        f"a manner of writing: {'read the wording below, and ' * _is_worded(one)}compare more text.{_small(one)}"
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
    parts = [f"has {said}"] * bool(said) + [f"compresses {1 + probe['change']:.3g} times as well" for probe in packs]
    return f"in the same {one['words']:,} words {who} {' and '.join(parts)}"


def _is_same(probes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether both sides hold the same text: nothing that decides differs, but for rounding."""
    rules = {name for name, rule in DEFINITIONS.items() if rule.least is not None}
    deciding = [probe for probe in probes if probe["name"] in rules]
    return bool(deciding) and all(
        probe["change"] is not None and abs(probe["change"]) < _ROUNDING for probe in deciding
    )


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
    share = "over 99" if -1 < change < -0.99 else f"{abs(100 * change):.0f}"
    return f"{share} % {'more' if change > 0 else 'fewer'} {_PLAIN[probe['name']]}"


def _detectable(one: Mapping[str, Any]) -> str:
    """What would have been noticed, where that was tried: it is where wording was looked for."""
    if one["lost"] is None:
        return ""
    if one["detectable_share"] is None:
        return " Even text that is a toy model’s alone might be missed at this size."
    return (
        f" If {_SHARES[one['detectable_share']]} of {_name(one['reference'])} had been a toy model’s text, this would "
        "have noticed; a smaller share might be missed."
    )


def _small(one: Mapping[str, Any]) -> str:
    short = [each for each in _sizes(one) if each.held < each.advised]
    if not short:
        return ""
    return (
        f" With {_listed([f'{each.held:,} {each.unit}' for each in short])} only strong narrowing shows; "
        f"{_listed([f'{each.advised:,}' for each in short])} are better."
    )


def _sizes(one: Mapping[str, Any]) -> tuple[_Size, _Size]:
    return (
        _Size("dialogues", one["dialogues"], LEAST_DIALOGUES, ADVISED_DIALOGUES),
        _Size("words", one["words"], LEAST_WORDS, ADVISED_WORDS),
    )


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _name(name: str | None) -> str:
    return numbers.name_cell(name or "")
