"""What is not of paribus: networks, ``package.module:Class``, and functions that augment.

Importing a module runs its code, so a study or a checkpoint that names one is trusted with that; but a name can only
lead to a PyTorch module class, or to a function outside Python's own library.
"""

import ast
import copy
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paribus.errors import ModelError, RunError
from paribus.models.side_effects import seeded, settings_kept
from paribus.spec import Baseline, ModelSpec, ModuleSpec
from paribus.suggest import did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

OWN_CODE_RAISES = (Exception, SystemExit)
"""What code of one's own may raise: anything, and a script ends the program. Ctrl-C is none of it."""
_INSTALLED = {"site-packages", "dist-packages"}
_module_at_work: ContextVar[str] = ContextVar("_module_at_work", default="")


def refuse_inside_import() -> None:
    """A study may not be run by a module that is being imported for its network: it would wait for itself for ever.

    Raises:
        RunError: it is.
    """
    if module := _module_at_work.get():
        raise RunError(
            f"`{module}` runs a study itself, and is imported for what it defines: put the call of run_study under "
            '`if __name__ == "__main__":`, or what it defines into a file of its own'
        )


def own_code(configuration: Baseline) -> str:
    """SHA-256 of all source of one's own that a configuration names; "" where it names none.

    Raises:
        ModelError: a module is not found.
    """
    digests = [_module_digest(name) for name in configuration.foreign()]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest() if len(digests) > 1 else "".join(digests)


def code_digest(spec: ModelSpec) -> str:
    """SHA-256 of the source that a network of one's own comes from; "" for the networks of paribus.

    Raises:
        ModelError: there is no such module.
    """
    return _module_digest(spec.name) if isinstance(spec, ModuleSpec) else ""


def _module_digest(name: str) -> str:
    """Of the source of what ``package.module:name`` names, so that editing it makes new trials.

    Of a module that stands alone, its file; of a package, all its Python files; of either, the modules and packages
    of one's own that it imports too; of an installed package, the module's file and the package's version; of a zip
    file, all of it. Imports no torch itself.
    """
    module = name.split(":")[0]
    _refuse_standard_library(name)
    with _importable_from_here(module), seeded(0):
        try:
            found = importlib.util.find_spec(module)
        except OWN_CODE_RAISES as error:  # its parent package is imported
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
        content = _own_sources(Path(found.origin), module, is_package=found.submodule_search_locations is not None)
    return hashlib.sha256(b"\0".join(hashlib.sha256(each).digest() for each in content)).hexdigest()


def _own_sources(file: Path, module: str, *, is_package: bool) -> list[bytes]:
    """A lone module's file, or all of the outermost package that it stands in; and what these import of modules and
    packages beside them or in the working directory, and so on.
    """
    depth = module.count(".") + is_package
    files = _package(file.parents[depth - 1]) if depth else [("", file.read_bytes())]
    seen = {module.split(".")[0]}
    for _, source in files:  # which grows on the way
        for name in sorted(_imported(source) - seen):
            seen.add(name)
            found = (_found_in(folder, name) for folder in (Path.cwd(), file.parents[depth]))
            files += next(filter(None, found), [])
    return [part for name, source in files for part in ((name.encode(), source) if name else (source,))]


def _found_in(folder: Path, name: str) -> list[tuple[str, bytes]]:
    """The files of a module or package of a folder, as Python would find it; none where there is none."""
    package, lone = folder / name, folder / f"{name}.py"
    if lone.is_file() and not (package / "__init__.py").is_file():
        return [(lone.name, lone.read_bytes())]
    return [(f"{name}/{inside}", source) for inside, source in _package(package)]


def _package(root: Path) -> list[tuple[str, bytes]]:
    """The path in it and the content of each Python file of a package."""
    files = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py") if path.is_file())
    return [(inside, path.read_bytes()) for inside, path in files]


@lru_cache(maxsize=1024)
def _imported(source: bytes) -> frozenset[str]:
    """The top-level modules that a source imports from where all are found; none where it cannot be read."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # importing it will tell
        return frozenset()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return frozenset(name.split(".")[0] for name in names)


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
        with _importable_from_here(spec.name.split(":")[0]):  # it may import only now
            model = make(**{**arguments, **copy.deepcopy(spec.args)})  # its own copies: the specification must last
    except OWN_CODE_RAISES as error:
        given = ", ".join(f"{name}={value!r}" for name, value in {**arguments, **spec.args}.items())
        raise ModelError(
            f"{spec.name}({given}) failed: {what_happened(error)}; model.args gives its arguments"
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
    """The class of networks or the function that a name leads to."""
    from torch import nn

    found, path = _look_up(name)
    is_network = inspect.isclass(found) and issubclass(found, nn.Module)
    if not is_network and not inspect.isfunction(found):
        raise ModelError(f"{name} must be a class of torch.nn.Module or a function that gives one")
    _refuse_standard_library(f"{found.__module__}:{path}")
    return found


def function_of(name: str) -> Callable[..., Any]:
    """The function that ``package.module:function`` names.

    Raises:
        ModelError: it cannot be imported, or is no function.
    """
    found, path = _look_up(name)
    if not inspect.isfunction(found):
        raise ModelError(f"{name} must be a function, got {type(found).__name__}")
    _refuse_standard_library(f"{found.__module__}:{path}")
    return found


def _look_up(name: str) -> tuple[Any, str]:
    module_name, path = name.split(":")
    _refuse_standard_library(name)
    with _importable_from_here(module_name), seeded(0):  # whichever trial comes first in its process
        try:
            found: Any = importlib.import_module(module_name)
        except RunError as error:
            raise ModelError(str(error)) from None
        except OWN_CODE_RAISES as error:
            raise ModelError(_cannot_import(module_name, error)) from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise ModelError(f"{module_name} has no `{path}`{did_you_mean(part, list(vars(found)))}")
        found = getattr(found, part)
    return found, path


def _refuse_standard_library(name: str) -> None:
    """Nothing of Python's own library is a network or augments, and much of it would be dangerous to call."""
    if name.split(":")[0] == "__main__":
        raise ModelError(
            f"{name} stands in the program that runs, where no other process finds it: save it in a file of its own, "
            f"as my_net.py, and name it `my_net:{name.split(':')[1]}`"
        )
    if name.split(":")[0].split(".")[0] in sys.stdlib_module_names:
        raise ModelError(f"{name} must be a network (a class of torch.nn.Module) or a function, not of Python's own")


@contextmanager
def _importable_from_here(module: str) -> Iterator[None]:
    """Modules of the working directory can be imported, as with ``python -m``; this one is about to be."""
    here = os.getcwd()
    sys.path.insert(0, here)
    at_work = _module_at_work.set(module)
    try:
        with settings_kept():
            importlib.invalidate_caches()
            yield
    finally:
        _module_at_work.reset(at_work)
        with suppress(ValueError):  # a module may see to the path itself
            sys.path.remove(here)


def what_happened(error: BaseException) -> str:
    """An error of somebody's own code in words."""
    if isinstance(error, SystemExit):
        return (
            f"it ended the program (SystemExit: {error}); what it does as a script belongs under "
            '`if __name__ == "__main__":`'
        )
    return f"{type(error).__name__}: {error}"


def _cannot_import(module: str, error: BaseException | None) -> str:
    why = f"cannot import `{module}`" + (f": {what_happened(error)}" if error else "")
    if module.endswith(".py"):
        why += f"; a module is named without .py, as `{module.removesuffix('.py')}`"
    if error is None or isinstance(error, ImportError):
        why += f"; it must be installed, or stand in the folder that paribus is started in ({os.getcwd()})"
    return why
