"""The stages of the demo, each giving what the report shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import resvg_py
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import graphc as gc
from graphc.calculus import raw_gradients
from graphc.checking import compare_gradients
from graphc.cli.curve import Panel, Series, chart
from graphc.cli.files import write
from graphc.cli.network import HIDDEN, RATES, Network, declare
from graphc.data import Part, Split, load_dataset, load_digits
from graphc.runtime.compile import loaded
from graphc.runtime.optim import update_rule
from graphc.runtime.regularize import dropout_mask

if TYPE_CHECKING:
    from graphc.cli.demo import Log

OPTIMIZER = gc.optim.Adam(lr=0.002)
BATCH, PATIENCE = 32, 10
PIXEL = 16.0
SPLIT_SEED = 0  # the split is the same for every --seed
BLUE, RED = "#2f6fb5", "#c0392b"
CLAIMS = ("(d2.T @ p - d2.T @ T)/n + W3/10000", "d2.T @ p - d2.T @ T + W3/10000")  # right; 1/n forgotten


@dataclass
class Findings:
    """Everything the demo found, for the report."""

    out: Path
    seed: int
    dataset: Any = None
    split: Any = None
    network: Any = None
    gradients: dict[str, Any] = field(default_factory=dict)
    derivation: Any = None
    raw_count: int = 0
    count: int = 0
    pictures: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    fit: Any = None
    test_accuracy: float = 0.0
    errors: dict[str, dict[str, float]] = field(default_factory=dict)
    verdicts: list[Any] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def save(self, name: str, content: str | bytes) -> Path:
        self.files.append(write(self.out / name, content))
        return self.files[-1]


def run(log: Log, out: Path, seed: int, data: Path | None, epochs: int) -> Findings:
    """All stages in order."""
    found = Findings(out, seed)
    load(log, found, data)
    derive(log, found)
    draw(log, found)
    emit(log, found)
    train(log, found, epochs)
    check(log, found)
    return found


def load(log: Log, found: Findings, data: Path | None) -> None:
    """Read and split the data, declare the network for its sizes."""
    with log.stage("data"):
        found.dataset = load_digits() if data is None else load_dataset(data)
        split = found.dataset.split(seed=SPLIT_SEED)
        found.split = scaled(split, PIXEL) if data is None else split.standardize()
        parts = ", ".join(f"{len(p.labels):,} {name}" for name, p in parts_of(found.split).items())
        log.say(f"{found.dataset.name}: {parts}\n{found.dataset.source}")
    with log.stage("declare"):
        features, classes = found.dataset.features.shape[1], len(found.dataset.classes)
        found.network = net = declare(features, HIDDEN, classes)
        log.say(
            f"{features} -> {HIDDEN[0]} -> {HIDDEN[1]} -> {classes}: relu, dropout {RATES[0]} and {RATES[1]}, softmax; "
            "batch size n"
        )
        log.say(f"loss = {net.loss}")


def scaled(split: Split, largest: float) -> Split:
    """Features from 0 to 1: pixels share one scale, which standardizing would take from them."""
    train, validation, test = (Part(p.features / largest, p.labels) for p in parts_of(split).values())
    return Split(train, validation, test)


def parts_of(split: Split) -> dict[str, Any]:
    return {"training": split.train, "validation": split.validation, "test": split.test}


def derive(log: Log, found: Findings) -> None:
    """Gradients of every parameter, the derivation of one, the numbers of nodes."""
    net: Network = found.network
    with log.stage("derive"):
        names = [f"d{p.name}" for p in net.parameters]
        found.gradients = dict(zip(names, gc.grad(net.loss, net.parameters), strict=True))
        for p, gradient in zip(net.parameters, found.gradients.values(), strict=True):
            log.say(f"dL/d{p.name} = {gradient}")
        found.raw_count = gc.count_ops([net.loss, *raw_gradients(net.loss, net.parameters)])
        found.count = gc.count_ops([net.loss, *found.gradients.values()])
        log.say(f"\nloss and gradients: {found.raw_count} operations by the chain rule alone, {found.count} simplified")
        found.derivation = gc.derive(net.loss, net.weights[1])
        found.save("derivation.txt", f"{found.derivation}\n")
        log.say(f"\nThe derivation of dL/d{net.weights[1].name}, step by step:\n\n{found.derivation}")


def draw(log: Log, found: Findings) -> None:
    """The forward graph, and the forward and backward graph."""
    net: Network = found.network
    with log.stage("draw"):
        forward = gc.draw(net.loss)
        both = gc.draw(net.loss, wrt=net.parameters)
        for name, picture in (("forward", forward), ("forward_backward", both)):
            found.pictures[name] = picture.svg
            found.save(f"{name}.svg", picture.svg)
            found.save(f"{name}.png", picture.png)
            log.say(f"{name}.svg and .png: {len(picture.graph)} nodes")


def emit(log: Log, found: Findings) -> None:
    """Standalone modules in both styles, with Adam's update."""
    net: Network = found.network
    with log.stage("emit"):
        inputs = [net.inputs, net.targets, *net.masks, *net.parameters]
        outputs = dict(zip(["loss", *found.gradients], gc.simplify([net.loss, *found.gradients.values()]), strict=True))
        for style in ("readable", "fast"):
            source = gc.emit(outputs, inputs, style=style, update=update_rule(OPTIMIZER))
            found.sources[style] = source
            path = found.save(f"train_step_{style}.py", source)
            log.say(f"{path.name}: {len(source.splitlines())} lines, imports NumPy alone")


def arrays(part: Any, classes: int, dtype: Any = np.float32) -> dict[str, Any]:
    return {"X": part.features.astype(dtype), "T": np.eye(classes, dtype=dtype)[part.labels]}


def train(log: Log, found: Findings, epochs: int) -> None:
    """Mini-batches with Adam, early stopping on the validation part, accuracy on the test part."""
    net, split, classes = found.network, found.split, len(found.dataset.classes)
    options: Any = {"console": log.console, "transient": True, "disable": not log.console.is_terminal}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeElapsedColumn(),
    )
    with log.stage("train"), Progress(*columns, **options) as bar:
        task = bar.add_task("starting", total=epochs)

        def show(epoch: Any) -> None:
            held = f"validation {epoch.validation_loss:.4f}, {epoch.metrics['accuracy']:.1%} right"
            bar.update(task, completed=epoch.number, description=f"loss {epoch.training_loss:.4f}  {held}")

        found.fit = gc.train.fit(
            net.loss,
            arrays(split.train, classes),
            optimizer=OPTIMIZER,
            batch_size=BATCH,
            epochs=epochs,
            validation=arrays(split.validation, classes),
            early_stopping=gc.regularize.EarlyStopping(PATIENCE),
            seed=found.seed,
            metrics={"accuracy": net.accuracy},
            progress=show,
        )
        bar.stop()
        probabilities = gc.train.predict(net.p, found.fit.parameters, arrays(split.test, classes))
        found.test_accuracy = float((probabilities.argmax(axis=1) == split.test.labels).mean())
        best = found.fit.epochs[found.fit.best_epoch - 1]
        why = "early stopping" if found.fit.stopped_early else "all epochs done"
        log.say(f"{found.fit.stopped_epoch} epochs ({why})")
        log.say(f"kept: the weights after epoch {best.number}, validation loss {best.validation_loss:.4f}")
        log.say(f"test accuracy {found.test_accuracy:.2%}")
        found.save("learning_curve.svg", curve(found.fit))
        found.save("learning_curve.png", rasterized(curve(found.fit)))


def curve(fit: Any) -> str:
    """Losses and validation accuracy by epoch."""
    accuracy = [100 * e.metrics["accuracy"] for e in fit.epochs]
    losses = [Series("training", fit.training_losses, BLUE), Series("validation", fit.validation_losses, RED)]
    panels = [Panel("Loss", losses, log=True), Panel("Accuracy (%)", [Series("validation", accuracy, RED)])]
    return chart(panels, mark=fit.best_epoch, mark_title=f"best epoch, {fit.best_epoch}")


def rasterized(svg: str) -> bytes:
    """An SVG without text as PNG, twice its size."""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=2, dpi=96, skip_system_fonts=True))


def check(log: Log, found: Findings) -> None:
    """The emitted gradients against finite differences, and a hand derivation, right and with a planted error."""
    net: Network = found.network
    with log.stage("check the emitted code"):
        random = np.random.default_rng(found.seed)
        few = arrays(found.split.train, len(found.dataset.classes), np.float64)
        given = {name: value[:16] for name, value in few.items()}
        for mask, width in zip(net.masks, HIDDEN, strict=True):
            given[str(mask.name)] = dropout_mask(random, (len(given["X"]), width), mask.attributes["dropout"])
        given |= {name: value.astype(np.float64) for name, value in found.fit.parameters.items()}
        names = [str(p.name) for p in net.parameters]
        for style, source in found.sources.items():
            step = loaded(source)["step"]
            found.errors[style] = compare_gradients(step, given, names, seed=found.seed)
            worst = max(found.errors[style].values())
            log.say(f"train_step_{style}.py against finite differences: largest relative error {worst:.1e}")
    with log.stage("check a hand derivation"):
        general = declare("d", ("h", "m"), "k")  # all sizes symbolic: the verdict holds for every network of this form
        W3 = general.weights[-1]
        for claim in CLAIMS:
            found.verdicts.append(gc.check(general.loss, W3, claim))
            log.say(f"{found.verdicts[-1]}\n")
