"""paribus: ablation studies of small neural classifiers, all else equal."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paribus.errors import ParibusError as ParibusError
    from paribus.exported.write import export as export
    from paribus.load import load_study as load_study
    from paribus.plan import make_plan as make_plan
    from paribus.plan import open_run as open_run
    from paribus.predicting import predict as predict
    from paribus.reload import evaluate as evaluate
    from paribus.report.page import write_report as write_report
    from paribus.results import analyse as analyse
    from paribus.run import run_study as run_study
    from paribus.spec import RunSpec as RunSpec
    from paribus.spec import StudySpec as StudySpec

_HOMES = {
    "ParibusError": "errors",
    "RunSpec": "spec",
    "StudySpec": "spec",
    "analyse": "results",
    "evaluate": "reload",
    "export": "exported.write",
    "load_study": "load",
    "make_plan": "plan",
    "open_run": "plan",
    "predict": "predicting",
    "run_study": "run",
    "write_report": "report.page",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import paribus` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'paribus' has no attribute {name!r}")
    return getattr(import_module(f"paribus.{_HOMES[name]}"), name)
