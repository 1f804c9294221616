"""The demo's findings as one HTML page: no scripts, no files beside it, nothing fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import graphc as gc
from graphc.cli.demo_stages import curve, parts_of
from graphc.cli.network import ALPHA, HIDDEN, RATES
from graphc.visualize.html import Html, Section, code, figure_svg, formula, math, numbers, page, table, text

if TYPE_CHECKING:
    from graphc.cli.demo_stages import Findings

PICTURES = {"forward": "forward", "forward_backward": "forward and backward"}


def report(found: Findings, seconds: float) -> str:
    """The whole page."""
    parts = ", ".join(f"{len(p.labels):,} for {name}" for name, p in parts_of(found.split).items())
    return page(
        "From formula to trained network",
        [
            Section("Results", results(found, seconds)),
            Section("The classifier", network(found)),
            Section("Its gradients", gradients(found)),
            Section(f"The derivation of one of them, {found.network.weights[1].name}", [Html(found.derivation.html())]),
            Section("The graphs", [figure_svg(found.pictures[k], caption=v, wide=True) for k, v in PICTURES.items()]),
            Section("Training", training(found)),
            Section("Checks", checks(found)),
            Section("The emitted code", listings(found)),
        ],
        lead=f"graphc {gc.__version__} on {found.dataset.name}: {parts}; seed {found.seed}.",
    )


def results(found: Findings, seconds: float) -> list[Html]:
    return [
        numbers(
            {
                "test accuracy": f"{found.test_accuracy:.2%}",
                "best epoch": f"{found.fit.best_epoch} of {found.fit.stopped_epoch}",
                "operations, by chain rule": found.raw_count,
                "operations, simplified": found.count,
                "gradient error": f"{max(max(e.values()) for e in found.errors.values()):.0e}",
                "time": f"{seconds:.1f} s",
            }
        ),
        text(f"The data: {found.dataset.source}"),
    ]


def network(found: Findings) -> list[Html]:
    net = found.network
    features, classes = net.inputs.shape[1], net.targets.shape[1]
    words = (
        f"{features} inputs, {HIDDEN[0]} and {HIDDEN[1]} relu units with dropout {RATES[0]:g} and {RATES[1]:g}, "
        f"{classes} classes; softmax, cross entropy, and the L2 penalty of {ALPHA:g} on the weights. "
        "The batch size is the symbol n."
    )
    return [text(words), *map(math, net.intermediates), math(f"L = {gc.latex(net.loss)}")]


def equation(parameter: Any, gradient: Any) -> Html:
    left = rf"\frac{{\partial L}}{{\partial {gc.latex(parameter)}}}"
    return formula(f"{left} = {gc.latex(gradient)}", display=False)


def gradients(found: Findings) -> list[Html]:
    pairs = zip(found.network.parameters, found.gradients.values(), strict=True)
    return [
        text(
            f"The loss with all gradients takes {found.raw_count} operations as the chain rule alone gives them, "
            f"{found.count} simplified."
        ),
        table(["gradient", "in NumPy notation"], [[equation(p, g), f"`{g}`"] for p, g in pairs]),
    ]


def training(found: Findings) -> list[Html]:
    fit = found.fit
    best = fit.epochs[fit.best_epoch - 1]
    why = "Early stopping ended it" if fit.stopped_early else "It ran to the last epoch allowed"
    words = (
        f"{why} after {fit.stopped_epoch} epochs of {sum(e.seconds for e in fit.epochs) / fit.stopped_epoch:.2f} s. "
        f"The weights of epoch {best.number} are kept: validation loss {best.validation_loss:.4f}, "
        f"{best.metrics['accuracy']:.1%} right in validation, {found.test_accuracy:.2%} on the test part."
    )
    return [text(words), figure_svg(curve(fit))]


def checks(found: Findings) -> list[Html]:
    names = [str(p.name) for p in found.network.parameters]
    return [
        table(
            ["by", *(f"train_step_{style}.py" for style in found.errors)],
            [[name, *(float(f"{e[name]:.1e}") for e in found.errors.values())] for name in names],
            caption="Largest difference of emitted gradients from finite differences, relative to the largest entry",
        ),
        text("A derivation by hand, for all sizes; then the same with a planted error:"),
        *(Html(v.html()) for v in found.verdicts),
    ]


def listings(found: Findings) -> list[Html]:
    return [code(source, title=f"train_step_{style}.py", folded=True) for style, source in found.sources.items()]
