"""`paribus data`: sources, their audit, what networks see of them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from paribus.cli.terminal import AllowImport, Settings, Study, complain, hand_over, say, show_table, with_consent
from paribus.errors import DataError, ParibusError

app = typer.Typer(name="data", help="Sources of data: list, audit, fetch, preview.", invoke_without_command=True)


@app.callback()
def data(context: typer.Context) -> None:
    """List the sources of data and where to get them."""
    if context.invoked_subcommand:
        return
    from paribus.data.sources import describe_sources

    show_table(["source", "what it is", "where it comes from"], [list(row) for row in describe_sources()])


@app.command()
def audit(
    what: Annotated[
        str,
        typer.Argument(
            help="A study, a source (digits, fer2013 …), a .parquet, .csv or .npz file, or a folder of images.",
            show_default=False,
        ),
    ],
    settings: Settings = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="Also look for images that look alike without being equal.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count classes by part and look for duplicates, leaks between parts, constant and odd examples.

    Fields of the data are set by --set, as --set path=faces or --set name=Blink.
    """
    from paribus.cli.audit import show_audit
    from paribus.cli.which_data import which_data
    from paribus.data.audit import check
    from paribus.data.findings import audit as audit_data
    from paribus.data.images import why_refused
    from paribus.data.sources import load_unchecked
    from paribus.spec import ImageCommon

    spec, refused = which_data(what, settings or []), []
    if isinstance(spec, ImageCommon):
        dataset = load_unchecked(spec.model_copy(update={"unreadable": "skip"}))  # they are found, and not stopped at
        refused += [why] if (why := why_refused(dataset.unreadable, spec)) else []
    else:
        dataset = load_unchecked(spec)
    try:
        dataset = check(dataset, spec.non_finite)
    except DataError as error:
        refused.append(str(error))
    found = audit_data(dataset, near_duplicates=near_duplicates)
    if as_json:
        hand_over(json.dumps(asdict(found), indent=1))
    else:
        say(dataset.description)
        show_audit(found, dataset.class_names, dataset.notes)
    for why in refused:
        complain(f"training would refuse these data: {why}")
    if refused:
        raise typer.Exit(1)


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="cifar10, hub:OWNER/NAME, hub:OWNER/NAME:CONFIG or aeon:NAME; of fer2013 it is told where to get it.",
            show_default=False,
        ),
    ],
    to: Annotated[Path | None, typer.Option(help="Folder for it.", show_default="where paribus looks")] = None,
) -> None:
    """Download a data set. Ctrl-C keeps what has come; the same command goes on from there."""
    from paribus.cli.progress import download_progress
    from paribus.data.fetch import fetch as fetch_data

    try:
        with download_progress(name) as progress:
            told = fetch_data(name, to, progress)
    except KeyboardInterrupt:
        say("Stopped. What has come is kept; the same command goes on from there.")
        raise typer.Exit(130) from None
    say(told)


@app.command()
def preview(
    study: Study,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="Picture to write (.png).", show_default="STUDY-preview.png")] = None,
    n: Annotated[int, typer.Option("--n", min=1, max=100, help="Training examples to show.")] = 8,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the trial to look at.")] = 0,
    allow_import: AllowImport = False,
) -> None:
    """Draw training examples as the network sees them: normalised, and augmented epoch by epoch."""
    from paribus.grid import cells
    from paribus.load import load_study, read_study
    from paribus.spec import FunctionSpec

    spec = read_study(study, settings or [])
    if any(isinstance(each, FunctionSpec) for _, cell in cells(spec) for each in cell.train.augmentation):
        spec = with_consent(lambda allow: load_study(study, settings or [], allow_import=allow), allow_import)
    path = out or Path(f"{spec.name}-preview.png")
    if path.suffix.lower() != ".png":
        raise ParibusError(f"--out must be the name of a .png file, got {path}")
    if not path.parent.is_dir():
        raise ParibusError(f"cannot write {path}: there is no folder {path.parent}")

    from paribus.preview import contact_sheet

    sheet = contact_sheet(spec, n, seed)
    try:
        sheet.save(path, format="PNG")
    except OSError as error:
        raise ParibusError(f"cannot write {path}: {error.strerror or error}") from None
    say(f"Preview: {path}")
