"""`paribus models`: the networks."""

import typer

from paribus.cli.terminal import show_table

app = typer.Typer(name="models", help="The networks, their layers, sizes and drawings.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context) -> None:
    """List the networks."""
    if context.invoked_subcommand:
        return
    from paribus.models.catalogue import CATALOGUE

    show_table(["model", "what it is"], [[name, text] for name, text in CATALOGUE.items()])
