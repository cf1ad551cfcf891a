"""`paribus models`: the networks."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.cli.terminal import hand_over, say, show_table
from paribus.errors import ParibusError

if TYPE_CHECKING:
    from paribus.models.totals import Totals
    from paribus.record import LayerRow
    from paribus.spec import ModelSpec

app = typer.Typer(name="models", help="The networks, their layers, sizes and drawings.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context) -> None:
    """List the networks, or show one: `paribus models show resnet18`."""
    if context.invoked_subcommand:
        return
    from paribus.models.catalogue import CATALOGUE

    show_table(["model", "what it is"], [[name, text] for name, text in CATALOGUE.items()])


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A network, as resnet18 or my_file:MyNetwork.", show_default=False)],
    input_shape: Annotated[
        str | None, typer.Option("--input", metavar="C,H,W", help="Shape of an example; 1,CHANNELS,SAMPLES for EEG.")
    ] = None,
    n_classes: Annotated[int | None, typer.Option("--classes", min=2, help="Number of classes.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="As activation=elu; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the network into this file.")] = None,
    lowered: Annotated[
        bool, typer.Option("--lowered", help="Show instead what computes the layers in training, and at which level.")
    ] = False,
) -> None:
    """Show every layer of a network with its output shape, parameters and multiply-adds."""
    from paribus.models.build import build, check
    from paribus.models.catalogue import USUAL_INPUT
    from paribus.models.summary import summarise
    from paribus.models.totals import totals

    spec = _spec(name, settings or [])
    usual_shape, usual_classes = USUAL_INPUT.get(name, (None, None))
    shape, classes = _shape(input_shape) or usual_shape, n_classes or usual_classes
    if shape is None or classes is None:
        raise ParibusError(f"give the input and the number of classes of {name}, as --input 3,32,32 --classes 10")
    check(spec, shape, classes)
    if lowered:
        _print_lowered(spec, shape, classes)
        return
    rows = summarise(build(spec, shape, classes), shape)
    whole = totals(rows, shape)
    if as_json:
        hand_over(json.dumps({"layers": [asdict(row) for row in rows], "totals": asdict(whole)}, indent=1))
    else:
        _print_summary(rows, whole)
    if svg:
        from paribus.report.network import network_svg

        try:
            svg.write_text(network_svg(rows, name), encoding="utf-8")
        except OSError as error:
            raise ParibusError(f"cannot write {svg}: {error.strerror}") from None
        say(f"Drawing: {svg}", err=as_json)


def _spec(name: str, settings: list[str]) -> "ModelSpec":
    """The network with fields set; an error names the field."""
    from paribus.grid import patch
    from paribus.load import parse_setting
    from paribus.spec import Baseline
    from paribus.validate import validate

    baseline = validate(Baseline, {"data": {"source": "digits"}, "model": {"name": name}})
    fields = {f"model.{path.removeprefix('model.')}": value for path, value in map(parse_setting, settings)}
    return validate(Baseline, patch(baseline, fields)).model


def _shape(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        channels, height, width = (int(size) for size in text.split(","))
    except ValueError:
        raise ParibusError(f"--input must be three whole numbers, as 3,32,32 or 1,2,750, got {text!r}") from None
    if min(channels, height, width) < 1:
        raise ParibusError(f"--input must be above 0, got {text}")
    return channels, height, width


def _print_lowered(spec: "ModelSpec", shape: tuple[int, int, int], classes: int) -> None:
    from paribus.kernels.lower import lower
    from paribus.kernels.native import native
    from paribus.models.build import build

    replaced = lower(build(spec, shape, classes)).replaced
    if replaced:
        show_table(["layers", "in training"], [[", ".join(each.layers), each.by] for each in replaced])
    say(f"All {'other ' if replaced else ''}layers run as they are. Blocks: {native().why}.")


def _print_summary(rows: "tuple[LayerRow, ...]", whole: "Totals") -> None:
    from paribus.models.totals import FLOPS_IN_WORDS, uncounted

    show_table(
        ["layer", "type", "output shape", "parameters", "formula", "multiply-adds"],
        [
            [
                row.name,
                row.type,
                " × ".join(map(str, row.output_shape)),
                f"{row.n_parameters:,}",
                row.formula,
                f"{row.multiply_adds:,}" if row.multiply_adds else "",
            ]
            for row in rows
        ],
    )
    frozen = whole.n_parameters - whole.n_trainable
    say(f"parameters         {whole.n_parameters:,} ({whole.n_trainable:,} trainable, {frozen:,} not)")
    say(f"multiply-adds      {whole.multiply_adds:,} for one example: convolutions and linear layers")
    if others := uncounted(rows):
        say(f"                   not counted: {', '.join(others)}")
    say(f'"FLOPs"            {whole.flops:,}: {FLOPS_IN_WORDS}')
    say(f"input              {whole.input_mb:.2f} MB")
    say(f"forward, backward  {whole.forward_backward_mb:.2f} MB: the layers' outputs and their gradients")
    say(f"parameters         {whole.parameters_mb:.2f} MB")
