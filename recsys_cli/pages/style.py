"""How all pages and all figures look: colours, letters and widths, in one place."""

from __future__ import annotations

from typing import Any

# Okabe and Ito (2008): told apart with any kind of colour vision, also in grey by line style and marker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#8C510A")
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SCALE = "cividis"  # of heat maps (Nunez, Anderton and Renslow 2018)
INK, GRID = "#1f2328", "#d0d7de"  # in a page both follow the colours of the page

MATPLOTLIB: Any = {
    "svg.hashsalt": "recsys",  # else ids, and so the bytes, differ each time
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and scaled
    "text.parse_math": False,  # names of runs and metrics are no formulas
    "text.usetex": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.facecolor": "none",
    "savefig.facecolor": "white",
}

CSS = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d0d7de; --page: #ffffff; --band: #f6f8fa;
  --best: #ddf4e4; --bad: #ffebe9; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --page: #0d1117;
  --band: #161b22; --best: #12351f; --bad: #4b1113; --link: #79c0ff; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--page);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p, ul { margin: .5rem 0; max-width: 52rem; }
a { color: var(--link); }
nav { margin: 1rem 0; } nav a { margin-right: 1rem; white-space: nowrap; }
.soft, figcaption, caption { color: var(--soft); }
.soft { font-size: .92rem; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .35rem; font-size: .92rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(52rem, calc(100vw - 2rem)); }
th, td { padding: .3rem .7rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; white-space: nowrap; }
td.text { overflow-wrap: break-word; white-space: normal; min-width: 8rem; }
thead th { border-bottom: 2px solid var(--line); white-space: nowrap; }
th[scope=row], th.text, td.text { text-align: left; font-weight: normal; }
th[scope=row] { overflow-wrap: anywhere; white-space: normal; min-width: 11rem; }
thead th.text { font-weight: bold; }
tbody tr:hover { background: var(--band); }
td.best { background: var(--best); font-weight: bold; }
td.second { text-decoration: underline; text-underline-offset: .2em; }
td.good { color: inherit; background: var(--best); }
td.bad { background: var(--bad); }
td.soft { font-size: inherit; }
td small { color: var(--soft); white-space: nowrap; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .2rem 1.2rem; margin: .75rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1.5rem; }
figure { margin: .5rem 0; min-width: 0; } figure svg { width: 100%; max-width: 38rem; height: auto; display: block; }
figcaption { font-size: .9rem; max-width: 38rem; }
details { margin: .75rem 0; } summary { cursor: pointer; }
pre { overflow-x: auto; background: var(--band); padding: .75rem; border-radius: 6px; font-size: .85rem; }
code { font-size: .9em; background: var(--band); padding: .1em .3em; border-radius: 4px; } pre code { padding: 0; }
.warning { border-left: 4px solid #d55e00; padding: .25rem .75rem; background: var(--band); max-width: 52rem; }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { body { padding: 1rem .75rem 3rem; font-size: 15px; } h1 { font-size: 1.3rem; }
  th, td { padding: .3rem .45rem; } thead th { white-space: normal; } td.text { min-width: 4.5rem; }
  th[scope=row] { min-width: 0; max-width: 45vw; overflow-wrap: break-word; }
  th[scope=row], thead th:first-child { position: sticky; left: 0; background: var(--page); }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { body { max-width: none; } details > *:not(summary) { display: block; } nav { display: none; } }
"""
