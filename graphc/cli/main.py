"""The entry point: commands, exit codes, and errors as one line.

Exit codes: 0 done (or: the claim is right), 1 the claim is wrong, 2 an error, 130 interrupted.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter, convert
from rich.console import Console

from graphc.cli import demo, formulas
from graphc.errors import GraphcError


def installed_version() -> str:
    try:
        return version("graphc")
    except PackageNotFoundError:
        return "unknown (not installed)"


def converted(kind: Any, tokens: Sequence[Any]) -> Any:
    """An option's value, as cyclopts reads it; where a whole number is needed, 1.5 is an error instead of 2."""
    for token in tokens if kind is int else ():
        if re.search(r"\.|e-", token.value.lower()):
            raise ValueError(f"{token.value} is not a whole number")
    return convert(kind, tokens)


app = App(
    name="graphc",
    help="Gradients of tensor formulas in closed form: derived, drawn, emitted as NumPy code, and checked.",
    version=installed_version,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)
app.meta.suppress_keyboard_interrupt = False  # an interrupt is reported below
USAGES: dict[Callable[..., int], str] = {
    demo.demo: "[--out DIR] [--seed S] [--data FILE] [--epochs N]",
    formulas.grad: "FORMULA --wrt NAME --shape NAME=SIZES ... [--latex] [--steps]",
    formulas.check: "FORMULA --wrt NAME --claim FORMULA --shape NAME=SIZES ... | FILE ... [--json]",
    formulas.draw: "FORMULA --shape NAME=SIZES ... [--wrt NAME ...] [--out FILE]",
    formulas.emit: "FORMULA --shape NAME=SIZES ... [--wrt NAME ...] [--style STYLE] [--out FILE]",
}
for place, (command, usage) in enumerate(USAGES.items()):
    app.command(command, sort_key=place, usage=f"Usage: graphc {command.__name__} {usage}")
app[demo.demo.__name__].default_parameter = Parameter(converter=converted)
NEGATIVE = re.compile(r"-(?!o.*\.\w{2,3}$)\s*(\(|\w[\w.]*\s*([(\[*/@+-]|\.T\b))")


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> Any:
    """Run one command.

    Parameters
    ----------
    debug
        Show the full traceback of an error.
    """
    del debug  # looked for before parsing: an error may come while parsing
    return app(tokens, exit_on_error=False, print_error=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process."""
    for name in ("SIGINT", "SIGALRM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
    sys.unraisablehook = dropped
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def interrupt(number: int, frame: Any) -> None:
    """Raise KeyboardInterrupt, again every half second until it is heard: Python drops what is raised in callbacks."""
    remind(0.5)
    raise KeyboardInterrupt


def dropped(event: Any) -> None:
    """Say nothing of an interrupt that a callback dropped: it comes again."""
    if event.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(event)


def remind(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    debug = "--debug" in arguments
    try:
        result = app.meta(separated(arguments), exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except KeyboardInterrupt:
        remind(0)
        return failed("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone, as in `graphc grad ... | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            traceback.print_exc()
            return 2
        return failed(explained(error, arguments), 2)


def separated(arguments: list[str]) -> list[str]:
    """The arguments, a formula that starts with a minus kept apart from options: ``-sum(x)`` is no ``-s um(x)``.

    A blank is put before it; and unless it is the value of --claim, it moves to the front, where a formula stands.
    """
    front, rest = list(arguments[:1]), list(arguments[1:])
    if "--" in rest or not front or front[0].startswith("-"):
        return arguments
    for i, token in enumerate(rest):
        if NEGATIVE.match(token):
            rest[i] = f" {token}"
    for i, token in enumerate(rest):
        if token.startswith(" -") and rest[i - 1 : i] != ["--claim"]:
            return [*front, rest.pop(i), *rest]
    return [*front, *rest]


def explained(error: Exception, arguments: list[str]) -> str:
    """An error as one line, with what to do next."""
    text = one_line(str(error))
    if isinstance(error, CycloptsError):
        commands = [command.__name__ for command in USAGES if arguments[:1] == [command.__name__]]
        return f"{text} (see {' '.join(['graphc', *commands, '--help'])})"
    if isinstance(error, GraphcError):
        return text
    return f"internal error: {type(error).__name__}: {text} (--debug shows the details)"


def one_line(text: str) -> str:
    """The lines of a message in one; a line of marks below a formula is left out."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "; ".join(line for line in lines if line.strip("^~ ")).replace(":; ", ": ")


def failed(message: str, code: int) -> int:
    """Report on standard error; the message is shown as it is, without markup and without line breaks."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("graphc: ", style="bold red", end="")
    console.print(message, markup=False)
    return code


if __name__ == "__main__":
    main()
