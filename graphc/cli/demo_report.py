"""The demo's findings as one HTML page: no scripts, no files beside it, nothing fetched."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import graphc as gc
from graphc.checking.page import mathml
from graphc.cli.demo_stages import curve, parts_of
from graphc.cli.network import ALPHA, HIDDEN, RATES

if TYPE_CHECKING:
    from graphc.cli.demo_stages import Findings

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; color: #1f2933; background: #fff;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p.lead, small, caption, figcaption { color: #616e7c; }
dl.numbers { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0; }
dl.numbers div { flex: 1 1 7rem; border: 1px solid #e4e7eb; border-radius: .5rem; padding: .7rem .8rem; }
dl.numbers dt { color: #616e7c; font-size: .82rem; } dl.numbers dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
figure { margin: 1rem 0; border: 1px solid #e4e7eb; border-radius: .5rem; overflow-x: auto; padding: .6rem; }
figure svg { max-width: 100%; height: auto; }
figure.wide { width: calc(100vw - 4rem); max-width: 110rem; margin-left: 50%; transform: translateX(-50%);
  box-sizing: border-box; }
figure.wide svg { min-width: 62rem; max-width: 100%; }
.scroll { overflow-x: auto; } math { font-size: 1.05em; math-style: normal; }
table { border-collapse: collapse; margin: .6rem 0; } caption { text-align: left; padding-bottom: .2rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #e4e7eb; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } th { font-weight: 500; }
pre { background: #f8fafc; border: 1px solid #e4e7eb; border-radius: .5rem; padding: .8rem; overflow-x: auto;
  font: 12.5px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .9em; }
summary { cursor: pointer; color: #2f6fb5; margin: .4rem 0; } mark { background: #fdeaea; color: #7b1f16; }
.derivation li { margin: .45rem 0; } .derivation details { font-size: .9em; }
.graphc-verdict { border-left: 4px solid #9aa5b1; padding: .1rem 0 .1rem 1rem; margin: 1rem 0; overflow-x: auto; }
.proved .graphc-verdict { border-color: #1e7d34; } .wrong .graphc-verdict { border-color: #c0392b; }
"""


def report(found: Findings, seconds: float) -> str:
    """The whole page."""
    sections = [
        header(found, seconds),
        section("The classifier", network(found)),
        section("Its gradients", gradients(found)),
        section(f"The derivation of one of them, {found.network.weights[1].name}", found.derivation.html()),
        section("The graphs", graphs(found)),
        section("Training", training(found)),
        section("Checks", checks(found)),
        section("The emitted code", code(found)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>graphc demo: {escape(found.dataset.name)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{''.join(sections)}</body></html>\n"
    )


def section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{body}</section>\n"


def header(found: Findings, seconds: float) -> str:
    parts = ", ".join(f"{len(p.labels):,} for {name}" for name, p in parts_of(found.split).items())
    source = escape(found.dataset.source)
    numbers = {
        "test accuracy": f"{found.test_accuracy:.2%}",
        "best epoch": f"{found.fit.best_epoch} of {found.fit.stopped_epoch}",
        "operations, by chain rule": found.raw_count,
        "operations, simplified": found.count,
        "gradient error": f"{max(max(e.values()) for e in found.errors.values()):.0e}",
        "time": f"{seconds:.1f} s",
    }
    cells = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(str(v))}</dd></div>" for k, v in numbers.items())
    return (
        f'<h1>From formula to trained network</h1><p class="lead">graphc {gc.__version__} on '
        f"{escape(found.dataset.name)}: {parts}; seed {found.seed}.<br><small>{source}</small></p>"
        f'<dl class="numbers">{cells}</dl>\n'
    )


def network(found: Findings) -> str:
    net = found.network
    features, classes = net.inputs.shape[1], net.targets.shape[1]
    words = (
        f"{features} inputs, {HIDDEN[0]} and {HIDDEN[1]} relu units with dropout {RATES[0]:g} and {RATES[1]:g}, "
        f"{classes} classes; softmax, cross entropy, and the L2 penalty of {ALPHA:g} on the weights. "
        "The batch size is the symbol n."
    )
    rows = [rf"{name_latex(node)} = {gc.latex(node.operands[0])}" for node in net.intermediates]
    formulas = "".join(f"<p>{mathml(row)}</p>" for row in [*rows, f"L = {gc.latex(net.loss)}"])
    return f'<p>{escape(words)}</p><div class="scroll">{formulas}</div>'


def name_latex(node: Any) -> str:
    return str(gc.latex(gc.symbol(str(node.name), node.shape)))


def equation(parameter: Any, gradient: Any) -> str:
    return rf"\frac{{\partial L}}{{\partial {gc.latex(parameter)}}} = {gc.latex(gradient)}"


def gradients(found: Findings) -> str:
    rows = "".join(
        f"<tr><td>{mathml(equation(p, g))}</td><td><code>{escape(str(g))}</code></td></tr>"
        for p, g in zip(found.network.parameters, found.gradients.values(), strict=True)
    )
    return (
        f"<p>The loss with all gradients takes {found.raw_count} operations as the chain rule alone gives them, "
        f'{found.count} simplified.</p><div class="scroll"><table>{rows}</table></div>'
    )


def graphs(found: Findings) -> str:
    titles = {"forward": "forward", "forward_backward": "forward and backward"}
    return "".join(
        f'<figure class="wide"><figcaption>{titles[name]}</figcaption>{svg}</figure>'
        for name, svg in found.pictures.items()
    )


def training(found: Findings) -> str:
    fit = found.fit
    best = fit.epochs[fit.best_epoch - 1]
    why = "Early stopping ended it" if fit.stopped_early else "It ran to the last epoch allowed"
    return (
        f"<p>{why} after {fit.stopped_epoch} epochs of {sum(e.seconds for e in fit.epochs) / fit.stopped_epoch:.2f} s. "
        f"The weights of epoch {best.number} are kept: validation loss {best.validation_loss:.4f}, "
        f"{best.metrics['accuracy']:.1%} right in validation, {found.test_accuracy:.2%} on the test part.</p>"
        f"<figure>{curve(fit)}</figure>"
    )


def checks(found: Findings) -> str:
    head = "".join(f"<th>train_step_{style}.py</th>" for style in found.errors)
    names = [str(p.name) for p in found.network.parameters]
    rows = "".join(
        f"<tr><th>{n}</th>{''.join(f'<td class=number>{e[n]:.1e}</td>' for e in found.errors.values())}</tr>"
        for n in names
    )
    table = (
        "<table><caption>largest difference of the emitted gradients from finite differences, relative to the largest "
        f"entry</caption><tr><th>by</th>{head}</tr>{rows}</table>"
    )
    claims = "".join(f'<div class="{v.status}">{v.html()}</div>' for v in found.verdicts)
    return f"{table}<p>A derivation by hand, for all sizes; then the same with a planted error:</p>{claims}"


def code(found: Findings) -> str:
    return "".join(listing(f"train_step_{style}.py", source) for style, source in found.sources.items())


def listing(name: str, source: str) -> str:
    return f"<details><summary>{escape(name)}</summary><pre>{escape(source)}</pre></details>"
