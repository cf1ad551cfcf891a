"""The command line: reads arguments, calls one function, shows what it gave."""

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from paribus.cli import answers, data, models
from paribus.cli import run as run_command
from paribus.cli.run import say_report
from paribus.cli.terminal import (
    AllowImport,
    Lang,
    Out,
    Run,
    Settings,
    StoreAt,
    Study,
    complain,
    hand_over,
    say,
    show_table,
    with_consent,
)
from paribus.errors import ParibusError
from paribus.shown import hide_password

if TYPE_CHECKING:
    from paribus.plan import Plan
    from paribus.record import PlannedTrial, TrialFailure

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
DataPath = Annotated[str | None, typer.Option(help="Where the data are, when they have moved.")]

app.command()(run_command.run)


@app.command()
def plan(
    study: Study,
    out: Out = None,
    store: StoreAt = None,
    settings: Settings = None,
    check: Annotated[bool, typer.Option("--check", help="Build each network on a dummy batch.")] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Train each network for two epochs to estimate the time.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Worker processes to estimate for.")] = None,
    allow_import: AllowImport = False,
) -> None:
    """List the trials that a study would run, with their ids and which are done."""
    from paribus.load import load_study
    from paribus.plan import finished, make_plan
    from paribus.spec import SearchDesign

    spec = with_consent(lambda allow: load_study(study, settings or [], allow_import=allow), allow_import)
    the_plan = make_plan(spec)
    folder = out or Path("runs") / spec.name
    if isinstance(spec.design, SearchDesign):
        from paribus.cli.search import show_plan

        n_left = show_plan(the_plan, folder, store)
        if check or probe:
            _check(the_plan)
        if probe:
            _probe(the_plan, the_plan.trials * n_left, folder, jobs)
        return
    done = finished(folder, the_plan, store)
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
    s = "" if len(rows) == 1 else "s"
    where = hide_password(store) if store else folder
    say(f"{len(rows)} trial{s}, {len(done)} done in {where}, {len(rows) - len(done)} to run.")
    if check or probe:
        _check(the_plan)
    if probe:
        _probe(the_plan, [trial for trial in the_plan.trials if trial.trial_id not in done], folder, jobs)


def _check(the_plan: "Plan") -> None:
    from paribus.run import check_plan

    check_plan(the_plan)
    say("Every network takes its data; every batch size fits.")


def _probe(the_plan: "Plan", todo: "Sequence[PlannedTrial]", folder: Path, jobs: int | None) -> None:
    from paribus.display import duration
    from paribus.run import configuration, default_jobs, seconds_an_epoch
    from paribus.spec import RunSpec

    run_spec = RunSpec(out=str(folder))
    jobs = jobs or default_jobs(run_spec)
    seconds = seconds_an_epoch(the_plan, run_spec)
    total = sum(trial.spec.train.epochs * seconds[configuration(trial)] for trial in todo)
    say(f"About {duration(total / jobs)} with {jobs} jobs, from {len(seconds)} networks tried for two epochs.")


@app.command()
def status(run: Run) -> None:
    """Show how far a run has come, and why trials failed."""
    from paribus.plan import open_run, stored_study
    from paribus.spec import SearchDesign

    with open_run(run) as store:
        stored = stored_study(run, store)
        if stored is None:
            complain(f"{run} holds no study yet")
            raise typer.Exit(2)
        if isinstance(stored.study.design, SearchDesign):
            from paribus.cli.search import show_status

            # one that failed once and was pruned when it was tried again is none of them
            _show_failures(store.failures(show_status(store, stored)))
            return
        ids = [trial.trial_id for trial in stored.planned]
        done, failures = store.finished(ids), store.failures(ids)
    failed = {failure.trial_id for failure in failures}
    factors = list(stored.study.factors)
    cells = list(dict.fromkeys(trial.cell for trial in stored.planned))
    state = {i: "done" if i in done else "failed" if i in failed else "to run" for i in ids}
    counts = Counter((trial.cell, state[trial.trial_id]) for trial in stored.planned)
    say(f"{stored.study.name}: {stored.study.question}")
    show_table(
        [*factors, "done", "failed", "to run"],
        [
            [*(dict(cell).get(f, "") for f in factors), *(str(counts[cell, s]) for s in ("done", "failed", "to run"))]
            for cell in cells
        ],
    )
    say(f"{len(done)} of {len(ids)} trials done, {len(failed)} failed.")
    _show_failures(failures)


def _show_failures(failures: "Sequence[TrialFailure]") -> None:
    for failure in failures:
        say(f"{failure.trial_id} (seed {failure.spec.seed}): {failure.kind}: {failure.message}")


@app.command()
def report(
    run: Run,
    every_pair: Annotated[
        bool, typer.Option("--every-pair", help="Compare every two levels of a factor, not only with the baseline's.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also print RUN/report/index.pdf, by Chromium.")] = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="md|tex|csv",
            help="Print a table in this form, and write no report.",
            show_default="md with --table",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            metavar="NAME",
            help="Print this table, as cells or comparisons, and write no report.",
            show_default="answer with --format",
        ),
    ] = None,
    lang: Lang = None,
    png: Annotated[
        bool | None,
        typer.Option(help="Figures as PNG (300 dpi) beside SVG.", show_default="unless over 100"),
    ] = None,
    saliency: Annotated[
        bool, typer.Option("--saliency", help="Show which pixels mattered in misclassified images; needs an extra.")
    ] = False,
) -> None:
    """Write RUN/report/index.html, its tables (CSV, Markdown) and its figures (SVG, PNG)."""
    if form is not None or table is not None:
        from paribus.cli.answers import table_text

        hand_over(table_text(run, table or "answer", form or "md", every_pair=every_pair, lang=lang))
        return
    page = say_report(run, every_pair=every_pair, png=png, saliency=saliency, lang=lang)
    if pdf:
        from paribus.report.pdf import print_pdf

        say(f"PDF: {print_pdf(page)}")


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one that holds runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")] = 8321,
) -> None:
    """Show runs in a browser while they go: progress, curves as they grow, reports. Read-only, this machine only."""
    from paribus.serve.app import serve as serve_folder

    serve_folder(folder, port, lambda: say(f"Serving {folder} at http://127.0.0.1:{port} (Ctrl-C ends it)"))


app.command()(answers.power)
app.command()(answers.compare)
app.command()(answers.decide)


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    data_path: DataPath = None,
    allow_import: AllowImport = False,
) -> None:
    """Reload a checkpoint and see that it predicts its test part exactly as when it was saved."""
    from paribus.reload import evaluate as evaluate_checkpoint

    result = with_consent(lambda allow: evaluate_checkpoint(checkpoint, data_path, allow_import=allow), allow_import)
    say(f"test accuracy {result.accuracy:.2%}, loss {result.loss:.4f}, {result.n} examples")
    if result.identical:
        say("Predictions are identical to the stored ones, to the last bit.")
        return
    say(f"Predictions DIFFER from the stored ones (accuracy then {result.saved_accuracy:.2%}).")
    if result.differing:
        say(f"{len(result.differing)} examples differ, by at most {result.largest_difference:.3g} in a logit:")
        say("  " + ", ".join(result.differing[:20]) + (" …" if len(result.differing) > 20 else ""))
    raise typer.Exit(1)


@app.command()
def export(
    checkpoint: Checkpoint,
    file: Annotated[Path, typer.Argument(help="The ONNX file to write: model.onnx.", show_default=False)],
    data_path: DataPath = None,
    allow_import: AllowImport = False,
) -> None:
    """Write a checkpoint as an ONNX file, preprocessing inside, and check it against paribus' own predictions."""
    from paribus.cli.export import sentences
    from paribus.exported.write import export as export_checkpoint

    found = with_consent(
        lambda allow: export_checkpoint(checkpoint, file, data_path=data_path, allow_import=allow), allow_import
    )
    for sentence in sentences(found):
        say(sentence)


@app.command()
def predict(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="A checkpoint, or an exported .onnx file (that needs no PyTorch).", show_default=False),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            help="Examples: .npz (array x), .npy, .ts, an image, or a folder of images.", show_default=False
        ),
    ],
    to_csv: Annotated[Path | None, typer.Option("--csv", help="Write CSV to this file; - is standard output.")] = None,
    allow_import: AllowImport = False,
) -> None:
    """Print a class and the probabilities of each example in a file."""
    from paribus.predicting import predict as predict_file

    found = with_consent(lambda allow: predict_file(checkpoint, file, allow_import=allow), allow_import)
    header = ["example", "class", *found.class_names]
    rows = [
        [name, found.class_names[named], *(f"{value:.6f}" for value in row)]
        for name, named, row in zip(found.examples, found.named, found.probabilities, strict=True)
    ]
    if found.rule != "argmax":
        say(f"Classes are named by the rule that the checkpoint holds: {found.rule}.", err=True)
    if found.doubt:
        say(f"Warning: {found.doubt}", err=True)
    if to_csv is None:
        show_table(header, [[*row[:2], *(f"{float(value):.3f}" for value in row[2:])] for row in rows])
    elif str(to_csv) == "-":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        hand_over(text.getvalue())
    else:
        try:
            with to_csv.open("w", newline="", encoding="utf-8") as target:
                csv.writer(target).writerows([header, *rows])
        except OSError as error:
            raise ParibusError(f"cannot write {to_csv}: {error.strerror}") from None
        say(f"{len(rows)} predictions in {to_csv}")


@app.command()
def studies(
    name: Annotated[
        str | None, typer.Argument(help="Print this study's file, to copy from.", show_default=False)
    ] = None,
) -> None:
    """List the built-in studies, or print the file of one."""
    from paribus.load import builtin_studies, read_study
    from paribus.suggest import from_known

    found = builtin_studies()
    if name is None:
        show_table(["study", "question"], [[key, read_study(key).question] for key in found])
        say("`paribus studies NAME` prints one; `paribus run NAME` runs it.")
    elif name in found:
        hand_over(found[name].read_text(encoding="utf-8"))
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

    hand_over(json.dumps(StudySpec.model_json_schema(), indent=1))


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        say(f"paribus {version_of('paribus')}")
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
