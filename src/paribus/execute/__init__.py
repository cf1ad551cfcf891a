"""Ways to run a function over tasks. They receive the function and know nothing of training."""

from paribus.execute.base import Crashed, Emit, Executor, Finished, Function, Message, Progress, Retrying, Started
from paribus.execute.in_process import InProcess
from paribus.execute.processes import Processes

__all__ = [
    "Crashed",
    "Emit",
    "Executor",
    "Finished",
    "Function",
    "InProcess",
    "Message",
    "Processes",
    "Progress",
    "Retrying",
    "Started",
]
