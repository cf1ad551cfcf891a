"""`paribus data`: sources, their audit, what networks see of them."""

import typer

from paribus.cli.terminal import show_table

app = typer.Typer(name="data", help="Sources of data: list, audit, fetch, preview.", invoke_without_command=True)


@app.callback()
def data(context: typer.Context) -> None:
    """List the sources of data and where to get them."""
    if context.invoked_subcommand:
        return
    from paribus.data.sources import describe_sources

    show_table(["source", "what it is", "where it comes from"], [list(row) for row in describe_sources()])
