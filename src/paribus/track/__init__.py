"""Other tools that follow a run: TensorBoard and MLflow get the rows that the store gets."""

from paribus.track.base import TRACKERS, Tracking, open_tracking

__all__ = ["TRACKERS", "Tracking", "open_tracking"]
