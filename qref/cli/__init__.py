"""The command `qref`, one file per verb. stdout is the result, stderr is progress and messages.

Exit status: 0 ok, 1 differences found, 2 usage, 3 bad model, 4 runtime not installed, 5 internal error.
"""

from __future__ import annotations

import logging
import sys

import typer

from qref import __version__
from qref.cli import analyze, bench, debug, diff, evaluate, explain, quantize, run, runtimes, vectors, verify
from qref.cli.output import printable
from qref.errors import BackendError, InputError, ModelError, QrefError

app = typer.Typer(
    name="qref",
    help="Tells, to the last bit, what a quantized .tflite model computes, in which runtime, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run", epilog=run.EXAMPLE)(run.run)
app.command("verify", epilog=verify.EXAMPLE)(verify.verify)
app.command("analyze", epilog=analyze.EXAMPLE)(analyze.analyze)
app.command("diff", epilog=diff.EXAMPLE)(diff.diff)
app.command("explain", epilog=explain.EXAMPLE)(explain.explain)
app.command("quantize", epilog=quantize.EXAMPLE)(quantize.quantize)
app.command("evaluate", epilog=evaluate.EXAMPLE)(evaluate.evaluate)
app.command("debug", epilog=debug.EXAMPLE)(debug.debug)
app.command("runtimes", epilog=runtimes.EXAMPLE)(runtimes.runtimes)
app.command("bench", epilog=bench.EXAMPLE)(bench.bench)
app.command("vectors", epilog=vectors.EXAMPLE)(vectors.vectors)

EXIT_CODES: tuple[tuple[type[Exception], int], ...] = ((InputError, 2), (ModelError, 3), (BackendError, 4), (QrefError, 5))


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"qref {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Run the command; ends the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names in files may be any bytes
    messages, logger = logging.StreamHandler(), logging.getLogger("qref")
    messages.setFormatter(logging.Formatter("qref: %(message)s"))
    logger.addHandler(messages)
    logger.setLevel(logging.INFO)
    try:
        app(args=arguments)
    except QrefError as error:
        lines = (printable(line, most=10_000) for line in f"qref: {error}".split("\n"))  # with names from a model
        print(*lines, sep="\n", file=sys.stderr)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    except KeyboardInterrupt:
        print("qref: interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        logger.removeHandler(messages)
