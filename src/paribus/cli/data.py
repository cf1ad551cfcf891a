"""`paribus data`: sources, their audit, what networks see of them."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from paribus.cli.terminal import Settings, show_table

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
    from paribus.data.findings import audit as audit_data
    from paribus.data.sources import load_dataset

    dataset = load_dataset(which_data(what, settings or []))
    found = audit_data(dataset, near_duplicates=near_duplicates)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=1))
        return
    typer.echo(dataset.description)
    show_audit(found, dataset.class_names, dataset.notes)
