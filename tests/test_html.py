"""report.html: complete, inert, readable without a script, the same bytes again, no number that report.json lacks."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

from ultraqa.reports import html, numbers, report, svg
from ultraqa.reports.axes import Axis, histogram_axis, linear_ticks, short

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 191 }}{% x %}</textarea></style>\x1b[31m\x00\u202e\"'&"
)
VOID = {"meta", "path", "circle", "rect", "br", "wbr"}


class Page(HTMLParser):
    """Tags, attributes and visible text of a page; raises on a tag that closes what is not open."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag and its attributes."""
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last tag, which must be this one."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Visible text; ticks of plots are scales, not data."""
        if "style" not in self.open and "text" not in self.open:
            self.text.append(data)


def result(metric: str, scope: str, statistic: str, value: float | None, **more: Any) -> dict[str, Any]:
    """A row of the document."""
    empty = {
        "low": None,
        "high": None,
        "unit": "",
        "n": 5203,
        "n_undefined": 0,
        "budget": None,
        "version": "1",
        "note": "",
    }
    key = {"dataset": "set", "metric": metric, "scope": scope, "statistic": statistic, "value": value}
    return {**key, **empty, **more}


def results(dataset: str, factor: float = 1.0) -> list[dict[str, Any]]:
    """Rows of every family."""

    def row(*key: Any, **more: Any) -> dict[str, Any]:
        return {**result(*key, **more), "dataset": dataset}

    rows = [row("dialogues", "dataset", "value", 5203, unit="dialogues")]
    for metric, scope, version in (
        ("rounds", "dialogue", "1"),
        ("words", "dialogue", "1"),
        ("tokens", "assistant", "llama"),
    ):
        mean = 73.31 * factor
        rows.append(row(metric, scope, "mean", mean, low=mean - 1, high=mean + 1, version=version))
        rows += [
            row(metric, scope, name, 11.0 * k, version=version) for k, name in enumerate(("p05", "median", "p95"), 1)
        ]
    rows.append(row("mtld", "assistant", "mean", 61.77, low=60.1, high=63.2, n=1570, n_undefined=3633))
    rows += [
        row("empty_messages", "dialogue", "share", 0.00077, unit="share"),
        row("empty_messages", "dialogue", "count", 4),
    ]
    rows += [row("tokens_over_4096", "dialogue", "share", None, unit="share", note="no tokens counted")]
    for budget in (10_000, 30_000):
        rows.append(row("distinct_2", "assistant", "value", 0.813 * factor, low=0.8, high=0.9, budget=budget))
    rows += [row("language.en", "dataset", "share", 0.931, low=0.92, high=0.94, unit="share", n=2000)]
    rows += [row("word_overuse", "assistant", "value", 0.0371, note=f"delve 17.3, {HOSTILE}")]
    return rows


def distribution(dataset: str, **more: Any) -> dict[str, Any]:
    """A histogram of the document."""
    base = {"dataset": dataset, "metric": "words", "scope": "dialogue", "unit": "words", "scale": "log"}
    return {**base, "edges": [0, 1, 10, 100], "counts": [3, 40, 7], **more}


def finding(dataset: str, name: str, severity: str, rows: list[int]) -> dict[str, Any]:
    """A finding of the document."""
    return {
        "dataset": dataset, "finding": name, "severity": severity, "sentence": f"37 of 5,203 (0.7 %) {HOSTILE}.",
        "why": "It matters.", "metric": "empty_messages", "scope": "dialogue", "statistic": "share", "value": 0.0071,
        "threshold": 0.0, "count": 37, "n": 5203, "rows": rows,
    }  # fmt: skip


def example(dataset: str, row: int, why: list[str], text: str = HOSTILE) -> dict[str, Any]:
    """An example of the document."""
    spoken = [{"role": "user", "text": text}, {"role": "assistant", "text": "", "cut": True, "turns_left_out": 3}]
    place = {
        "dataset": dataset,
        "row": row,
        "id": HOSTILE,
        "path": "set.jsonl",
        "start": 4711,
        "end": 4999,
        "line": row + 1,
    }
    return {**place, "why": why, "turns": spoken}


def page_document(names: tuple[str, ...] = ("set", HOSTILE)) -> dict[str, Any]:
    """A document by hand, with hostile text wherever text from outside can stand."""
    return {
        "schema_version": 1, "ultraqa_version": "0.1.0", "command": f"ultraqa report '{HOSTILE}'", "text": True,
        "datasets": [
            {
                "name": name, "path": HOSTILE.replace("/", ""), "sha256": "ab" * 32, "bytes": 987654, "dialogues": 5203,
                "records": 5206, "unreadable": 3, "formats": {"alpaca": 5100, HOSTILE: 103},
                "role_tags": {HOSTILE: 5203}, "parameters": {"seed": 0, HOSTILE: HOSTILE},
                "packages": {"numpy": "2.4.6"},
            }
            for name in names
        ],
        "results": [row for i, name in enumerate(names) for row in results(name, 1 + i)],
        "comparison": None,
        "distributions": [distribution(name) for name in names],
        "findings": [finding(names[0], "empty_messages", "fail", [7, 9]), finding(names[-1], HOSTILE, "info", [7])],
        "not_measured": [
            {
                "dataset": names[0], "finding": "over_4096_tokens", "metric": "tokens_over_4096", "scope": "dialogue",
                "statistic": "share", "reason": HOSTILE,
            }
        ],
        "examples": [
            example(names[0], 7, ["empty_messages", "random"]), example(names[0], 9, ["empty_messages"], "words"),
            example(names[0], 11, ["longest"]), *[example(name, 7, ["x"]) for name in names[1:]],
        ],
        "published": [], "published_source": "",
        "methods": [{"name": "mtld", "unit": "words", "direction": "higher", "doc": HOSTILE, "source": "x"}],
    }  # fmt: skip


PAGE = html.render(page_document())


def test_the_page_is_well_formed_and_complete() -> None:
    """Every tag is closed in order, every section is there, ids are unique and every link leads somewhere."""
    page = Page(PAGE)
    assert page.open == []
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value for tag, name, value in page.attributes if tag == "a" and name == "href"]
    assert links
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(ids)
    assert {"findings", "comparison", "structure", "shape", "lexical", "corpus", "duplicates", "languages"} <= set(ids)
    assert {"dialogues", "methods", "reproduce"} <= set(ids)


def test_hostile_text_stays_text() -> None:
    """No element, attribute, template or control character comes from data: all of it is shown as it is."""
    page = Page(PAGE)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "style")]
    assert "1337" not in PAGE
    assert "&lt;wbr" not in PAGE
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufffe\uffff]", PAGE)
    shown = "".join(page.text)
    assert "<script>alert(1)</script>" in shown
    assert "{{ 7 * 191 }}{% x %}</textarea></style>␛[31m␀" in shown


def test_the_page_loads_nothing() -> None:
    """The policy forbids all loading and comes before anything it governs; no address is in the page."""
    policy = PAGE.index("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert policy < PAGE.index("<style>")
    own = html.render(page_document(("set",))).replace(HOSTILE, "")
    assert not re.search(r"https?:|@import|url\(|<link|<iframe|<object|<base", own)


def test_the_page_needs_no_script() -> None:
    """There is none, and dialogues open by themselves."""
    page = Page(PAGE)
    assert page.tags["script"] == 0
    assert page.tags["details"] > 4


def test_the_same_document_gives_the_same_bytes() -> None:
    """Rendered twice, and rendered from the report.json it was written to."""
    document = page_document()
    assert html.render(document) == PAGE
    assert html.render(json.loads(report.to_json(document))) == PAGE


def _tokens(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text))


def _values(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [found for key, value in node.items() for found in (key, *_values(value))]
    return [found for value in node for found in _values(value)] if isinstance(node, list) else [node]


def test_every_number_of_the_page_is_in_the_json() -> None:
    """Each number in the text is a number of report.json as it is written, or part of the page's fixed words."""
    document = page_document(("set",))
    stored = json.loads(report.to_json(document))
    templates = resources.files("ultraqa.reports") / "templates"
    allowed = _tokens("".join((templates / name).read_text() for name in ("report.html.j2", "parts.html.j2")))
    allowed |= {"5", "95"}  # the percentiles in the heads of tables
    for value in _values(stored):
        if isinstance(value, str):
            allowed |= _tokens(value) | {f"{int(digits):,}" for digits in re.findall(r"_(\d+)$", value)}
        elif isinstance(value, int | float):
            kinds = (("mean", ""), ("value", ""), ("count", ""), ("share", "share"))
            allowed |= {token for kind in kinds for token in _tokens(numbers.number(value, *kind))} | {str(value)}
    for row in stored["results"]:
        allowed |= _tokens(numbers.interval(row["low"], row["high"], row["statistic"], row["unit"]))
    allowed |= {str(sum(one["severity"] == kind for one in stored["findings"])) for kind in ("fail", "warn", "info")}
    shown = _tokens(" ".join(Page(html.render(document)).text))
    assert len(shown) > 40
    assert shown <= allowed


def test_every_dialogue_stands_once_and_is_linked_again() -> None:
    """The second reason for a dialogue links to the first; lines and rows are named."""
    assert PAGE.count('id="d0-7"') == 1
    assert "row 7</a>, shown above" in PAGE
    assert "row 7 · line 8" in PAGE
    assert "3 more turns are not shown" in PAGE
    assert "(empty message)" in PAGE


def test_without_texts_the_page_says_where_they_are() -> None:
    """A report without texts names file and bytes instead."""
    document = page_document()
    for one in document["examples"]:
        one["turns"] = []
    page = html.render(document)
    assert "The text was left out of this report" in page
    assert "4711–4999" in page


def test_severities_have_an_icon_and_a_word() -> None:
    """Colour never stands alone."""
    assert '<span class="badge fail"><i aria-hidden="true">✕</i>fail</span>' in PAGE
    assert '<span class="badge info"><i aria-hidden="true">i</i>info</span>' in PAGE


def test_marks_are_named_for_those_who_do_not_see_them() -> None:
    """A real difference carries a label beside its arrow, and the table explains it."""
    assert 'aria-label="above the first dataset">▲</span>' in PAGE
    assert "beyond chance" in PAGE


def test_histograms_of_different_tokenizers_do_not_share_a_plot() -> None:
    """Equal version, one plot; another version, a plot of its own."""
    document = page_document(("set", "other"))
    token = {"metric": "tokens", "scope": "assistant", "unit": "tokens"}
    document["distributions"] = [distribution(name, **token) for name in ("set", "other")]
    assert html.render(document).count('aria-labelledby="plot-tokens') == 1
    for row in document["results"]:
        if row["dataset"] == "other" and row["metric"] == "tokens":
            row["version"] = "bert"
    assert html.render(document).count('aria-labelledby="plot-tokens') == 2


def test_histograms_of_different_bins_do_not_share_a_plot() -> None:
    """Heights are shares of a bin, so bins must be equally wide."""
    document = page_document(("set", "other"))
    document["distributions"] = [distribution("set"), distribution("other", edges=[0, 2, 4, 8])]
    assert html.render(document).count('aria-labelledby="plot-words') == 2


@pytest.mark.parametrize("count", [1, 3, 9])
def test_plots_name_themselves_and_stay_inside_their_box(count: int) -> None:
    """One, three and nine datasets: image role, title, description, all coordinates finite and in the box."""
    series = [svg.Series(f"<b>{i}", [0, 1, 10, 100], [5, 3 + i, 1], (1.0, 5.0, 60.0), i) for i in range(count)]
    picture = svg.histogram(series, key="k", title="words & more", unit="words", log=True)
    assert 'role="img"' in picture
    assert '<title id="k-t">words &amp; more</title>' in picture
    assert "median 5, 5th to 95th percentile 1 to 60" in picture
    assert "&lt;b&gt;0" in picture
    width, height = (float(x) for x in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture).groups())  # type: ignore[union-attr]
    assert "nan" not in picture
    assert all(0 <= float(x) <= width for x in re.findall(r' c?x="([-\d.]+)"', picture))
    assert all(0 <= float(y) <= height for y in re.findall(r' c?y="([-\d.]+)"', picture))


def test_empty_histograms_are_not_drawn() -> None:
    """Nothing counted, nothing to draw, and no division by it."""
    document = page_document(("set",))
    document["distributions"] = [distribution("set", counts=[0, 0, 0])]
    assert "plot-words" not in html.render(document)
    assert "<svg" in svg.histogram([svg.Series("x", [1, 2], [0])], key="k", title="t", unit="u", log=False)


def test_axes_have_round_ticks() -> None:
    """Ticks are 1, 2 or 5 times a power of ten, inside the axis; zero has its place on a logarithmic one."""
    assert linear_ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert linear_ticks(3, 3, 5) == [3]
    axis = Axis(1, 10_000, 0, 100, log=True)
    assert axis.ticks() == [1, 10, 100, 1000, 10_000]
    assert axis.place(100) == pytest.approx(50)
    zero = histogram_axis([([0, 1, 10, 100], [1, 1, 1])], 0, 90, log=True)
    assert [round(zero.place(edge)) for edge in (0, 1, 10, 100)] == [0, 30, 60, 90]
    assert zero.ticks()[0] == 0
    rounds = histogram_axis([([-0.5, 0.5, 1.5, 2.5], [0, 9, 0])], 0, 90, log=False)
    assert rounds.ticks() == [0, 1, 2]
    assert [short(value) for value in (0, 0.05, 50, 2000, 1_500_000)] == ["0", "0.05", "50", "2k", "1.5M"]


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, two: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_enough_contrast(scheme: int) -> None:
    """WCAG AA: 4.5 to 1 for all text colours on all grounds they stand on, light and dark."""
    style = (resources.files("ultraqa.reports") / "templates" / "style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\n *\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[0]))
    if scheme:
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[1]))
    pairs = [(text, ground) for text in ("ink", "soft", "link") for ground in ("page", "panel")]
    pairs += [(kind, f"{kind}-back") for kind in ("fail", "warn", "info")]
    worst = min(pairs, key=lambda pair: _contrast(colours[pair[0]], colours[pair[1]]))
    assert _contrast(colours[worst[0]], colours[worst[1]]) >= 4.5, worst
    assert math.isclose(_contrast("#000000", "#ffffff"), 21)
