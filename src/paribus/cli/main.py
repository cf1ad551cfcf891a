"""The command line: reads arguments, calls one function, shows what it gave."""

import csv
import json
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from paribus.cli import answers, data, models
from paribus.cli.terminal import (
    Run,
    Settings,
    Study,
    Terminated,
    complain,
    resources_of,
    seconds_of,
    show,
    show_table,
    sigterm_as_ctrl_c,
)
from paribus.errors import ParibusError

app = typer.Typer(
    name="paribus",
    help="Ablation studies of small neural classifiers, all else equal.",
    epilog="Start with: paribus run quickstart",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(models.app)
app.add_typer(data.app)

Checkpoint = Annotated[
    Path, typer.Argument(help="A checkpoint: runs/NAME/checkpoints/ID.safetensors.", show_default=False)
]
Lang = Annotated[
    str | None,
    typer.Option(
        help="Of the report: en or zh-TW.  [default: $PARIBUS_LANG, or en]", metavar="LANG", show_default=False
    ),
]
Out = Annotated[Path | None, typer.Option(help="Run folder.  [default: runs/STUDY]", show_default=False)]


@app.command()
def run(
    study: Study,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Worker processes, one thread each.  [default: one a core]")
    ] = None,
    out: Out = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where records are kept: a SQLite file, or postgresql+psycopg://USER@HOST/DATABASE; the password "
            "may be in it, in PGPASSWORD, in ~/.pgpass, or in a URL in PARIBUS_STORE.  [default: OUT/store.sqlite]",
            show_default=False,
        ),
    ] = None,
    settings: Settings = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where to train.")] = "auto",
    executor: Annotated[
        str, typer.Option(metavar="local|ray", help="Who runs the trials: processes here, or Ray (an extra).")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="auto|HOST:PORT", help="The Ray cluster.  [default: one of this machine]", show_default=False
        ),
    ] = None,
    resources: Annotated[
        str | None,
        typer.Option(metavar="cpu=1,gpu=0.25", help="What a trial takes of a Ray node.", show_default=False),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads a trial; results repeat at the same number.")] = 1,
    report: Annotated[bool, typer.Option(help="Write the report at the end.")] = True,
    checkpoint_every: Annotated[
        str, typer.Option(metavar="30s|10|never", help="Keep a running trial's state every so many seconds or epochs.")
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
    from rich.console import Console

    from paribus.lang import resolve
    from paribus.load import load_study

    resolve(lang)
    spec = load_study(study, settings or [])
    folder = out or Path("runs") / spec.name

    from paribus.execute.processes import warm_up

    if jobs != 1 and executor == "local":
        warm_up(("paribus.training.trial", "torch._dynamo"))  # an optimiser imports the latter when it is first used
    console = Console(highlight=False)
    console.print(f"{spec.name}: {spec.question}", markup=False)

    from paribus.display import make_display
    from paribus.execute.base import Message
    from paribus.execute.memory import keep_memory
    from paribus.kernels.native import native
    from paribus.run import RunStarted, run_study
    from paribus.spec import RunSpec
    from paribus.store.place import without_password
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
        "command": shlex.join(["paribus", *map(without_password, sys.argv[1:])]),
    }
    run_spec = validate(RunSpec, plain)
    tracking = open_tracking(track or [], spec, folder, complain)
    keep_memory()
    if executor == "local" and resolve_device(run_spec.device).type == "cpu" and native().library is None:
        console.print(native().why, style="dim", markup=False)
    try:
        with sigterm_as_ctrl_c(), make_display(console) as display, tracking:

            def listen(message: RunStarted | Message) -> None:
                display(message)
                tracking(message)

            outcome = run_study(spec, run_spec, listen)
    except KeyboardInterrupt as stop:
        typer.echo(f"Stopped. What was done is kept in {folder}; the same command goes on from there.")
        raise typer.Exit(143 if isinstance(stop, Terminated) else 130) from None
    if report and outcome.n_finished + outcome.n_done_before + outcome.n_elsewhere:
        _report(folder, lang=lang)
    if outcome.n_failed:
        complain(f"{outcome.n_failed} trials failed: `paribus status {shlex.quote(str(folder))}` says why")
        raise typer.Exit(1)


@app.command()
def plan(
    study: Study,
    out: Out = None,
    settings: Settings = None,
    check: Annotated[bool, typer.Option("--check", help="Build each network on a dummy batch.")] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Train each network for two epochs to estimate the time.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Worker processes to estimate for.")] = None,
) -> None:
    """List the trials that a study would run, with their ids and which are done."""
    from paribus.load import load_study
    from paribus.plan import finished, make_plan

    spec = load_study(study, settings or [])
    the_plan = make_plan(spec)
    folder = out or Path("runs") / spec.name
    done = finished(folder, the_plan)
    factors = list(spec.factors)
    rows = [
        [
            t.trial_id,
            *(dict(t.cell).get(f, "") for f in factors),
            str(t.spec.seed),
            "done" if t.trial_id in done else "",
        ]
        for t in the_plan.trials
    ]
    show_table(["trial", *factors, "seed", "state"], rows)
    typer.echo(f"{len(rows)} trials, {len(done)} done in {folder}, {len(rows) - len(done)} to run.")
    if check or probe:
        from paribus.run import check_plan

        check_plan(the_plan)
        typer.echo("Every network takes its data; every batch size fits.")
    if probe:
        from paribus.display import duration
        from paribus.run import configuration, default_jobs, seconds_an_epoch
        from paribus.spec import RunSpec

        run_spec = RunSpec(out=str(folder))
        jobs = jobs or default_jobs(run_spec)
        seconds = seconds_an_epoch(the_plan, run_spec)
        todo = [trial for trial in the_plan.trials if trial.trial_id not in done]
        total = sum(trial.spec.train.epochs * seconds[configuration(trial)] for trial in todo)
        typer.echo(
            f"About {duration(total / jobs)} with {jobs} jobs, from {len(seconds)} networks tried for two epochs."
        )


@app.command()
def status(run: Run) -> None:
    """Show how far a run has come, and why trials failed."""
    from paribus.plan import open_run, stored_study

    with open_run(run) as store:
        stored = stored_study(run, store)
        if stored is None:
            complain(f"{run} holds no study yet")
            raise typer.Exit(2)
        ids = [trial.trial_id for trial in stored.planned]
        done, failures = store.finished(ids), store.failures(ids)
    failed = {failure.trial_id for failure in failures}
    factors = list(stored.study.factors)
    cells = list(dict.fromkeys(trial.cell for trial in stored.planned))
    state = {i: "done" if i in done else "failed" if i in failed else "to run" for i in ids}
    counts = Counter((trial.cell, state[trial.trial_id]) for trial in stored.planned)
    typer.echo(f"{stored.study.name}: {stored.study.question}")
    show_table(
        [*factors, "done", "failed", "to run"],
        [
            [*(dict(cell).get(f, "") for f in factors), *(str(counts[cell, s]) for s in ("done", "failed", "to run"))]
            for cell in cells
        ],
    )
    typer.echo(f"{len(done)} of {len(ids)} trials done, {len(failed)} failed.")
    for failure in failures:
        typer.echo(f"{failure.trial_id} (seed {failure.spec.seed}): {failure.kind}: {failure.message}")


@app.command()
def report(
    run: Run,
    every_pair: Annotated[
        bool, typer.Option("--every-pair", help="Compare every two levels of a factor, not only with the baseline's.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also print RUN/report/index.pdf, by Chromium.")] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="md|tex|csv", help="Print a table in this form, and write no report."),
    ] = None,
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="Which one: answer, cells, comparisons, …; with --format.")
    ] = "answer",
    lang: Lang = None,
    png: Annotated[
        bool | None,
        typer.Option(help="Figures as PNG (300 dpi) beside SVG.  [default: unless over 100]", show_default=False),
    ] = None,
    saliency: Annotated[
        bool, typer.Option("--saliency", help="Show which pixels mattered in misclassified images; needs an extra.")
    ] = False,
) -> None:
    """Write RUN/report/index.html, its tables (CSV, Markdown) and its figures (SVG, PNG)."""
    if form is not None:
        from paribus.cli.answers import table_text

        typer.echo(table_text(run, table, form, every_pair=every_pair, lang=lang), nl=False)
        return
    page = _report(run, every_pair=every_pair, png=png, saliency=saliency, lang=lang)
    if pdf:
        from paribus.report.pdf import print_pdf

        typer.echo(f"PDF: {print_pdf(page)}")


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one that holds runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")] = 8321,
) -> None:
    """Show runs in a browser while they go: progress, curves as they grow, reports. Read-only, this machine only."""
    from paribus.serve.app import serve as serve_folder

    serve_folder(folder, port, lambda: typer.echo(f"Serving {folder} at http://127.0.0.1:{port} (Ctrl-C ends it)"))


app.command()(answers.power)
app.command()(answers.compare)
app.command()(answers.decide)


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    data_path: Annotated[str | None, typer.Option(help="Where the data are, when they have moved.")] = None,
) -> None:
    """Reload a checkpoint and see that it predicts its test part exactly as when it was saved."""
    from paribus.reload import evaluate as evaluate_checkpoint

    result = evaluate_checkpoint(checkpoint, data_path)
    typer.echo(f"test accuracy {result.accuracy:.2%}, loss {result.loss:.4f}, {result.n} examples")
    if result.identical:
        typer.echo("Predictions are identical to the stored ones, to the last bit.")
        return
    typer.echo(f"Predictions DIFFER from the stored ones (accuracy then {result.saved_accuracy:.2%}).")
    if result.differing:
        typer.echo(f"{len(result.differing)} examples differ, by at most {result.largest_difference:.3g} in a logit:")
        typer.echo("  " + ", ".join(result.differing[:20]) + (" …" if len(result.differing) > 20 else ""))
    raise typer.Exit(1)


@app.command()
def predict(
    checkpoint: Checkpoint,
    file: Annotated[
        Path,
        typer.Argument(
            help="Examples: .npz (array x), .npy, .ts, an image, or a folder of images.", show_default=False
        ),
    ],
    to_csv: Annotated[Path | None, typer.Option("--csv", help="Write CSV to this file; - is standard output.")] = None,
) -> None:
    """Print a class and the probabilities of each example in a file."""
    from paribus.reload import predict as predict_file

    found = predict_file(checkpoint, file)
    header = ["example", "class", *found.class_names]
    rows = [
        [name, found.class_names[named], *(f"{value:.6f}" for value in row)]
        for name, named, row in zip(found.examples, found.named, found.probabilities, strict=True)
    ]
    if found.rule != "argmax":
        typer.echo(f"Classes are named by the rule that the checkpoint holds: {found.rule}.", err=True)
    if to_csv is None:
        show_table(header, [[*row[:2], *(f"{float(value):.3f}" for value in row[2:])] for row in rows])
    elif str(to_csv) == "-":
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
    else:
        try:
            with to_csv.open("w", newline="", encoding="utf-8") as target:
                csv.writer(target).writerows([header, *rows])
        except OSError as error:
            raise ParibusError(f"cannot write {to_csv}: {error.strerror}") from None
        typer.echo(f"{len(rows)} predictions in {to_csv}")


@app.command()
def studies(
    name: Annotated[
        str | None, typer.Argument(help="Print this study's file, to copy from.", show_default=False)
    ] = None,
) -> None:
    """List the built-in studies, or print the file of one."""
    from paribus.load import builtin_studies, load_study
    from paribus.suggest import from_known

    found = builtin_studies()
    if name is None:
        show_table(["study", "question"], [[key, load_study(key).question] for key in found])
        typer.echo("`paribus studies NAME` prints one; `paribus run NAME` runs it.")
    elif name in found:
        typer.echo(found[name].read_text(encoding="utf-8"), nl=False)
    else:
        complain(f"no built-in study `{name}`{from_known(name, found)}")
        raise typer.Exit(2)


@app.command()
def doctor() -> None:
    """Say what this machine offers, and what training uses of it."""
    from paribus.cli.doctor import findings

    show_table(["", ""], findings())


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors to complete them."""
    from paribus.spec import StudySpec

    typer.echo(json.dumps(StudySpec.model_json_schema(), indent=1))


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"paribus {version_of('paribus')}")
        raise typer.Exit


def main() -> NoReturn:
    """Entry point: errors that a person can mend are shown without a traceback, with exit code 2."""
    try:
        app()
    except ParibusError as error:
        complain(str(error))
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror or error}")
        sys.exit(2)
    sys.exit(0)


def _report(folder: Path, **options: Any) -> Path:
    from paribus.report.page import write_report
    from paribus.report.tables import terminal_table

    report = write_report(folder, **options)
    show(terminal_table(report.result))
    if report.n_left_out and options.get("png") is None:
        typer.echo(f"{report.n_left_out} figures are SVG only: --png writes PNG files too.")
    if report.lacks_letters:
        typer.echo("PNG figures lack Chinese letters: install a font that has them, as Debian's fonts-noto-cjk.")
    typer.echo(f"Report: {report.path}")
    return report.path
