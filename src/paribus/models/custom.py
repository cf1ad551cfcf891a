"""Networks that are not of paribus: ``package.module:Class``.

Importing a module runs its code, so a study or a checkpoint that names one is trusted with that; but a name can only
lead to a PyTorch module class, or to a function outside Python's own library that gives one.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paribus.errors import ModelError
from paribus.spec import ModelSpec, ModuleSpec
from paribus.suggest import did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

_INSTALLED = {"site-packages", "dist-packages"}


def code_digest(spec: ModelSpec) -> str:
    """SHA-256 of the source that a network of one's own comes from, so that editing it makes new trials.

    Of a module that stands alone, its file; of a package, all its Python files; of an installed package, the module's
    file and the package's version; of a zip file, all of it. "" for the networks of paribus. Imports no torch itself.

    Raises:
        ModelError: there is no such module.
    """
    if not isinstance(spec, ModuleSpec):
        return ""
    module = spec.name.split(":")[0]
    _refuse_standard_library(spec.name)
    with _importable_from_here():
        try:
            found = importlib.util.find_spec(module)
        except Exception as error:  # its parent package is imported, and may raise anything
            raise ModelError(_cannot_import(module, error)) from None
    if found is None:
        raise ModelError(_cannot_import(module, None))
    archive = getattr(found.loader, "archive", None)  # of a zip file
    top = module.split(".")[0]
    if archive:
        content = [Path(archive).read_bytes()]
    elif not found.origin or not Path(found.origin).is_file():
        return module
    elif _INSTALLED & set(Path(found.origin).parts):
        content = [Path(found.origin).read_bytes(), _version(top).encode()]
    else:
        content = _package(Path(found.origin), module, is_package=found.submodule_search_locations is not None)
    return hashlib.sha256(b"\0".join(hashlib.sha256(each).digest() for each in content)).hexdigest()


def _package(file: Path, module: str, *, is_package: bool) -> list[bytes]:
    """All Python files of the outermost package that a module stands in; of a lone module, its own."""
    depth = module.count(".") + is_package
    if depth == 0:
        return [file.read_bytes()]
    root = file.parents[depth - 1]
    files = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py") if path.is_file())
    return [part for name, path in files for part in (name.encode(), path.read_bytes())]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # the distribution has another name
        return ""


def build_module(spec: ModuleSpec, input_shape: tuple[int, int, int], n_classes: int) -> "nn.Module":
    """The network, with the initial weights that its constructor draws.

    Args:
        spec: its name and arguments.
        input_shape: (C, H, W) of the data.
        n_classes: of the data.

    Raises:
        ModelError: it cannot be imported, is no network, or does not take the arguments.
    """
    from torch import nn

    make = _find(spec.name)
    try:
        accepted = inspect.signature(make).parameters
    except (TypeError, ValueError):
        accepted = {}  # type: ignore[assignment]  # no signature to be had: the arguments given must do
    arguments = {name: value for name, value in _known(input_shape, n_classes).items() if name in accepted}
    try:
        with _importable_from_here():  # it may import only now
            model = make(**{**arguments, **spec.args})
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in {**arguments, **spec.args}.items())
        raise ModelError(
            f"{spec.name}({given}) failed: {type(error).__name__}: {error}; model.args gives its arguments"
        ) from None
    if not isinstance(model, nn.Module):
        raise ModelError(f"{spec.name} must give a torch.nn.Module, gave {type(model).__name__}")
    return _squeezed(model, input_shape) if spec.squeeze else model


def _known(input_shape: tuple[int, int, int], n_classes: int) -> dict[str, Any]:
    """What the data say, under the names that networks have for it."""
    channels, height, width = input_shape
    return {
        "input_shape": input_shape,
        "n_classes": n_classes,
        "num_classes": n_classes,
        "n_outputs": n_classes,
        "n_channels": height,
        "n_chans": height,
        "n_times": width,
        "in_channels": channels,
        "in_chans": channels,
    }


def _squeezed(model: "nn.Module", input_shape: tuple[int, int, int]) -> "nn.Module":
    from torch import nn

    if input_shape[0] != 1:
        raise ModelError(f"model.squeeze needs data of one plane (1, H, W), these have {input_shape}: set it to false")

    class Squeezed(nn.Module):
        """A network that takes (B, H, W)."""

        def __init__(self) -> None:
            super().__init__()
            self.network = model

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return self.network(x.squeeze(1))  # type: ignore[no-any-return]

    return Squeezed()


def _find(name: str) -> Any:
    from torch import nn

    module_name, path = name.split(":")
    _refuse_standard_library(name)
    with _importable_from_here():
        try:
            found: Any = importlib.import_module(module_name)
        except Exception as error:  # the module's own code may raise anything
            raise ModelError(_cannot_import(module_name, error)) from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise ModelError(f"{module_name} has no `{path}`{did_you_mean(part, list(vars(found)))}")
        found = getattr(found, part)
    is_network = inspect.isclass(found) and issubclass(found, nn.Module)
    if not is_network and not inspect.isfunction(found):
        raise ModelError(f"{name} must be a class of torch.nn.Module or a function that gives one")
    _refuse_standard_library(f"{found.__module__}:{path}")
    return found


def _refuse_standard_library(name: str) -> None:
    """Nothing of Python's own library is a network, and much of it would be dangerous to call."""
    if name.split(":")[0].split(".")[0] in sys.stdlib_module_names:
        raise ModelError(f"{name} must be a class of torch.nn.Module or a function that gives one, not of Python's own")


@contextmanager
def _importable_from_here() -> Iterator[None]:
    """Modules of the working directory can be imported, as with ``python -m``."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        importlib.invalidate_caches()
        yield
    finally:
        sys.path.remove(here)


def _cannot_import(module: str, error: Exception | None) -> str:
    why = f": {type(error).__name__}: {error}" if error else ""
    if module.endswith(".py"):
        why += f"; a module is named without .py, as `{module.removesuffix('.py')}`"
    return (
        f"cannot import `{module}`, the module of model.name{why}; it must be installed, or stand in the folder "
        f"that paribus is started in ({os.getcwd()})"
    )
