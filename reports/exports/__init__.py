"""What Azure recorded of a run: reads exports of Event Grid, Log Analytics and Application Insights.

`truth_from` turns one into the events of a run's breakers, on the run's clock.
"""

from reports.exports.truth import ImportedTruth, truth_from

__all__ = ["ImportedTruth", "truth_from"]
