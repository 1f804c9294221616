"""The entry point: commands, exit codes, and errors as one line.

Exit codes: 0 done (or: the claim is right), 1 the claim is wrong, 2 an error, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from graphc.cli import demo, formulas
from graphc.errors import GraphcError


def installed_version() -> str:
    try:
        return version("graphc")
    except PackageNotFoundError:
        return "unknown (not installed)"


app = App(
    name="graphc",
    help="Gradients of tensor formulas in closed form: derived, drawn, emitted as NumPy code, and checked.",
    version=installed_version,
    help_format="plaintext",
    result_action="return_value",
)
app.command(demo.demo)
for command in (formulas.grad, formulas.check, formulas.draw, formulas.emit):
    app.command(command)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, Parameter(negative="")] = False,
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
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    debug = "--debug" in arguments
    try:
        result = app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except KeyboardInterrupt:
        return failed("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone, as in `graphc grad ... | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CycloptsError as error:
        if debug:
            raise
        return failed(f"{one_line(str(error))} (see graphc --help)", 2)
    except GraphcError as error:
        if debug:
            raise
        return failed(one_line(str(error)), 2)
    except Exception as error:  # a defect: still one line, with the way to the details
        if debug:
            raise
        return failed(f"internal error: {type(error).__name__}: {one_line(str(error))} (--debug shows the details)", 2)


def one_line(text: str) -> str:
    return " ".join(text.split())


def failed(message: str, code: int) -> int:
    """Report on standard error; the message is shown as it is, without markup and without line breaks."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("graphc: ", style="bold red", end="")
    console.print(message, markup=False)
    return code


if __name__ == "__main__":
    main()
