"""`paribus run`: train what is missing, then report."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from paribus.cli.terminal import (
    AllowImport,
    Lang,
    Out,
    Settings,
    StoreAt,
    Study,
    Terminated,
    complain,
    make_console,
    resources_of,
    say,
    seconds_of,
    show,
    sigterm_as_ctrl_c,
    with_consent,
)
from paribus.errors import StudyError
from paribus.shown import hide_password


def run(
    study: Study,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Worker processes, one thread each.", show_default="one a core")
    ] = None,
    out: Out = None,
    store: StoreAt = None,
    settings: Settings = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where to train.")] = "auto",
    executor: Annotated[
        str, typer.Option(metavar="local|ray", help="Who runs the trials: processes here, or Ray (an extra).")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(metavar="auto|HOST:PORT", help="The Ray cluster.", show_default="one of this machine"),
    ] = None,
    resources: Annotated[
        str | None,
        typer.Option(metavar="cpu=1,gpu=0.25", help="What a trial takes of a Ray node.", show_default=False),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads a trial; results repeat at the same number.")] = 1,
    report: Annotated[bool, typer.Option(help="Write the report at the end.")] = True,
    allow_import: AllowImport = False,
    checkpoint_every: Annotated[
        str,
        typer.Option(
            metavar="30s|5m|10|never", help="Keep a running trial's state every so often, or every so many epochs."
        ),
    ] = "30s",
    retries: Annotated[int, typer.Option(min=0, help="How often a trial whose worker died is tried again.")] = 2,
    time_limit: Annotated[
        str | None, typer.Option(metavar="90s|30m|2h", help="A trial that takes longer is ended.", show_default=False)
    ] = None,
    lang: Lang = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="tensorboard|mlflow", help="Tell it of every epoch too; needs an extra.", show_default=False
        ),
    ] = None,
) -> None:
    """Train every trial of a study that is not finished yet, then write the report.

    Whatever ends it (Ctrl-C, a batch system, a power cut), the same command goes on: finished trials are kept, and
    others continue from their last state, to the same bits.
    """
    from paribus.lang import resolve
    from paribus.load import load_study

    resolve(lang)
    spec = with_consent(lambda allow: load_study(study, settings or [], allow_import=allow), allow_import)
    folder = out or Path("runs") / spec.name

    from paribus.execute.processes import warm_up

    if jobs != 1 and executor == "local":
        warm_up(("paribus.training.trial", "torch._dynamo"))  # an optimiser imports the latter when it is first used
    console = make_console()
    console.print(f"{spec.name}: {spec.question}")

    from paribus.display import make_display
    from paribus.execute.memory import keep_memory
    from paribus.kernels.native import native
    from paribus.run import RunMessage, run_study
    from paribus.spec import RunSpec
    from paribus.track import open_tracking
    from paribus.training.environment import resolve_device
    from paribus.validate import validate

    plain = {
        "out": str(folder),
        "jobs": jobs,
        "device": device,
        "executor": executor,
        "address": address,
        "resources": resources_of(resources) if resources else None,
        "threads": threads,
        "checkpoint_every": checkpoint_every,
        "retries": retries,
        "time_limit": seconds_of(time_limit, "--time-limit") if time_limit else None,
        "store": store,
        "command": shlex.join(["paribus", *map(hide_password, sys.argv[1:])]),
    }
    try:
        run_spec = validate(RunSpec, plain)
    except StudyError as error:
        raise StudyError(error.message, path=f"--{error.path.replace('_', '-')}") from None
    tracking = open_tracking(track or [], spec, folder, complain)
    keep_memory()
    if executor == "local" and resolve_device(run_spec.device).type == "cpu" and native().library is None:
        console.print(native().why, style="dim")
    try:
        with sigterm_as_ctrl_c(), make_display(console) as display, tracking:

            def listen(message: RunMessage) -> None:
                display(message)
                tracking(message)

            outcome = run_study(spec, run_spec, listen)
    except KeyboardInterrupt as stop:
        say(f"Stopped. What was done is kept in {folder}; the same command goes on from there.")
        raise typer.Exit(143 if isinstance(stop, Terminated) else 130) from None
    if report and outcome.n_finished + outcome.n_done_before + outcome.n_elsewhere:
        say_report(folder, lang=lang)
    if outcome.n_failed:
        complain(f"{outcome.n_failed} trials failed: `paribus status {shlex.quote(str(folder))}` says why")
        raise typer.Exit(1)


def say_report(folder: Path, **options: Any) -> Path:
    """Write the report and say where it is; the options are those of `write_report`."""
    from paribus.cli.summary import terminal_table
    from paribus.report.page import write_report
    from paribus.report.shown import shown

    report = write_report(folder, **options)
    some = shown(report.result)
    show(terminal_table(some))
    if len(some.cells) < len(report.result.cells):
        say(f"The best {len(some.cells)} of {len(report.result.cells)} cells; tables/cells.csv has them all.")
    if report.n_left_out and options.get("png") is None:
        say(f"{report.n_left_out} figures are SVG only: --png writes PNG files too.")
    if report.lacks_letters:
        say("PNG figures lack Chinese letters: install a font that has them, as Debian's fonts-noto-cjk.")
    say(f"Report: {report.path}")
    return report.path
