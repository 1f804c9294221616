"""The style of HTML reports: light, printable, with the fonts of the reader's system."""

VERDICT = """
.verdict { margin: 1rem 0; padding: .7rem 1rem; border-left: 4px solid; border-radius: 0 6px 6px 0; color: #1f2933; }
.verdict p, .verdict details { margin: .4rem 0; } .verdict caption { text-align: left; color: #52606d;
  white-space: nowrap; }
.verdict th, .verdict td { padding: .1rem 1.2rem .1rem 0; border: 0; text-align: left; vertical-align: middle; }
.verdict th { color: #52606d; font-weight: normal; font-style: italic; }
.verdict mark { background: #f9d5d0; color: #7b1f16; }
.verdict del { background: #f9d5d0; color: #7b1f16; }
.verdict ins { background: #c9ecd2; color: #14532d; text-decoration: none; }
.verdict pre { margin: .2rem 0; padding: 0; border: 0; background: none; }
.verdict .math { overflow: auto hidden; margin: .6rem 0; }
.verdict .array table { display: inline-table; width: auto; margin: .1rem .4rem .1rem 0; border-collapse: collapse;
  border: solid; border-width: 0 1px; border-radius: 5px; }
.verdict .array td { border: 0; padding: .05rem .5rem; text-align: right; font-variant-numeric: tabular-nums; }
.good { background: #eefaf0; border-color: #2b9a48; } .fair { background: #fff8e6; border-color: #d69e1b; }
.bad { background: #fdeeec; border-color: #c0392b; }
"""
PAGE = """
:root { --ink: #1f2933; --soft: #52606d; --line: #d9e2ec; --ground: #f7f9fb; --accent: #2f6fb5; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 60rem; color: var(--ink); background: #fff;
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
header p { color: var(--soft); margin: 0; font-size: 1.05rem; }
nav ol { margin: 1.5rem 0 0; padding-left: 1.25rem; columns: 2 16rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font: .875em/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
p code, li code, td code, .verdict code { background: var(--ground); border: 1px solid var(--line); border-radius: 4px;
  padding: 0 .3em; }
pre { margin: 0; padding: .9rem 1rem; overflow-x: auto; background: var(--ground); border: 1px solid var(--line);
  border-radius: 6px; }
pre .c { color: #61707f; font-style: italic; } pre .s { color: #1e7d34; } pre .n { color: #9c4a08; }
pre .k { color: #8a2f8f; } pre .d { color: #1f5fa8; font-weight: 600; }
figure { margin: 1.25rem 0; }
figcaption, caption { color: var(--soft); font-size: .9rem; text-align: left; margin: .4rem 0; caption-side: top; }
figure.wide { width: calc(100vw - 4rem); max-width: 110rem; margin-left: 50%; transform: translateX(-50%); }
figure.wide svg { min-width: 62rem; max-width: 100%; }
dl.numbers { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
dl.numbers div { flex: 1 1 7rem; border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
dl.numbers dt { color: var(--soft); font-size: .82rem; }
dl.numbers dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
summary { cursor: pointer; color: var(--accent); margin: .4rem 0; } small { color: var(--soft); }
.derivation { overflow-x: auto; } .derivation li { margin: .45rem 0; } .derivation details { font-size: .9em; }
.scroll { overflow-x: auto; }
.scroll > svg { display: block; height: auto; } .scroll > img { max-width: 100%; height: auto; }
.math { display: flex; gap: 1.25rem; align-items: center; overflow: auto hidden; margin: .8rem 0;
  padding: .3rem 0; }
.math .label { color: var(--soft); flex: none; }
.math math { font-size: 1.15em; }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", math, serif; math-style: normal; }
math[display="block"] { width: auto; margin: 0; }
table { border-collapse: collapse; margin: .75rem 0; font-size: .95rem; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; border-bottom-width: 2px; }
.number { text-align: right; font-variant-numeric: tabular-nums; padding-right: 1.2rem; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } nav { display: none; }
  pre { white-space: pre-wrap; } .scroll > svg { max-width: 100%; } figure, .verdict { break-inside: avoid; }
  figure.wide { width: auto; margin-left: 0; transform: none; } figure.wide svg { min-width: 0; } }
"""
STYLE = PAGE + VERDICT
