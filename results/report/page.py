"""The report as one HTML page that needs nothing but itself."""

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files

from plotly.offline import get_plotlyjs

from .choices import choices
from .conclusion import conclusion
from .cost import cost
from .curves import curves
from .depth_and_width import depth_and_width
from .equal_parameters import equal_parameters
from .figure import Json, Key, Panel, Section
from .findings import Findings
from .headline import headline
from .limits import limits
from .parameters import parameters
from .provenance import provenance
from .reproducing import reproducing
from .study_table import study_table
from .tables import escaped, folded, prose
from .zeros import zeros

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
"""What the browser holds the page to: no network, whatever its scripts ask for."""


def page(findings: Findings) -> str:
    """The whole page: conclusion, table, figures, then cost, commands and provenance."""
    figures: list[Json] = []
    sections = [_section(section, figures) for section in _sections(findings)]
    content = [_header(findings), _conclusion(findings), _sampled(findings), *sections]
    content += [
        _part("Cost", cost(findings)),
        _part("Reproduce a winner", reproducing(findings)),
        _part("Provenance", provenance(findings)),
    ]
    title = escaped(f"{findings.search.name}: report")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_file("style.css")}</style>
</head>
<body>
<main>
{"".join(content)}
</main>
<script type="application/json" id="figures">{_json(figures)}</script>
<script>{get_plotlyjs()}</script>
<script>{_file("page.js")}</script>
</body>
</html>
"""


def _sections(findings: Findings) -> Iterator[Section]:
    """The figures that suit what was searched."""
    found = (
        headline(findings),
        parameters(findings),
        curves(findings),
        *choices(findings),
        zeros(findings),
        depth_and_width(findings),
        equal_parameters(findings),
    )
    return (section for section in found if section is not None)


def _header(findings: Findings) -> str:
    search = findings.search
    records = search.executions
    when = f" · {str(records[-1].get('started_at', ''))[:10]}" if records else ""
    facts = f"{len(search.studies)} studies · {_seeds_text(search.seeds)}{when}"
    return (
        f"<header><div><h1>{escaped(search.name)}</h1>"
        f"<p class=where>{escaped(facts)} · <code>{escaped(search.uri)}</code></p></div>"
        '<button type=button id=theme aria-label="dark or light">◐</button></header>\n'
    )


def _conclusion(findings: Findings) -> str:
    lead, *others = map(prose, conclusion(findings))
    text = f"<p class=lead>{lead}</p>\n" + "".join(f"<p>{each}</p>\n" for each in others)
    limiting = limits(findings)
    if limiting:
        items = "".join(f"<li>{prose(line)}</li>" for line in limiting)
        text += f"<h3>What limits it</h3><ul>{items}</ul>\n"
    return f"<section>{text}{study_table(findings)}</section>\n"


def _sampled(findings: Findings) -> str:
    """What the figures leave out."""
    told = findings.search.sampled
    text = f"The figures, and the share that pruning saved, are of {told}. All are in the tables."
    return f"<section><p>{prose(text)}</p></section>\n" if told else ""


def _section(section: Section, figures: list[Json]) -> str:
    shown = "".join(_panel(panel, figures) for panel in section.panels)
    kind = "panels wide" if section.wide else "panels"
    parts = [
        f"<p>{escaped(section.text)}</p>",
        _legend(section.legend),
        f'<div class="{kind}">{shown}</div>',
    ]
    if section.folded:
        more = "".join(_panel(panel, figures) for panel in section.folded)
        count = len(section.folded)
        summary = f"{count} more panels" if count > 1 else "1 more panel"
        parts.append(folded(summary, f'<div class="{kind}">{more}</div>'))
    return _part(section.title, "\n".join(parts))


def _part(title: str, content: str) -> str:
    return f"<section><h2>{escaped(title)}</h2>\n{content}\n</section>\n"


def _panel(panel: Panel, figures: list[Json]) -> str:
    figures.append({"data": [*panel.traces], "layout": panel.layout})
    caption = f"<figcaption>{escaped(panel.title)}</figcaption>" if panel.title else ""
    return (
        f'<figure>{caption}<div class=plot role=img aria-label="{escaped(panel.alt)}" '
        f'data-figure={len(figures) - 1} style="height:{panel.height}px"></div></figure>'
    )


def _legend(keys: Sequence[Key]) -> str:
    if not keys:
        return ""
    items = "".join(f"<li>{_mark(key)}{escaped(key.text)}</li>" for key in keys)
    return f"<ul class=legend>{items}</ul>"


_MARKS = {
    "filled": '<circle cx="11" cy="6" r="4" fill="currentColor"/>',
    "circle": '<circle cx="11" cy="6" r="4" fill="none"/>',
    "square": '<path d="M7 2H15V10H7Z" fill="none"/>',
    "diamond": '<path d="M11 1L16 6L11 11L6 6Z" fill="none"/>',
    "triangle-up": '<path d="M6 10L11 1L16 10Z" fill="none"/>',
    "triangle-down": '<path d="M6 2H16L11 11Z" fill="none"/>',
    "hexagon": '<path d="M11 1L15.5 3.5V8.5L11 11L6.5 8.5V3.5Z" fill="none"/>',
    "line": '<path d="M1 6H21" stroke-width="2.5"/>',
    "dashed": '<path d="M1 6H21" stroke-width="2" stroke-dasharray="5 3"/>',
    "tick": '<path d="M5 6H17" stroke-width="3"/>',
    "cross": '<path d="M7 2L15 10M7 10L15 2" stroke-width="2"/>',
}


def _mark(key: Key) -> str:
    if key.mark == "scale":
        return "<span class=scale></span>"
    return (
        f'<svg viewBox="0 0 22 12" aria-hidden=true style="color:{key.colour}">'
        f"{_MARKS[key.mark]}</svg>"
    )


def _json(figures: Sequence[Json]) -> str:
    """The figures in a script element, which nothing in them can end; every number finite."""
    text = json.dumps(figures, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")


def _file(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _seeds_text(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
