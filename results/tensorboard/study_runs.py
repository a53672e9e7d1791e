"""What TensorBoard shows of a search at first: one run for each study.

Its scalars are `log10_nmse/best_so_far`, over the trials that have ended, and `log10_nmse/winner`,
over the steps of the study's best trial; its image is a figure. The root run holds the layout of
the tab Custom Scalars and the conclusion, in the tab Text.
"""

import time
from collections.abc import Sequence

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

from ..exact_nmse import log10_nmse
from ..rows import CurveRow, TrialRow
from .event_files import EventFiles
from .scalars import scalars

BEST_SO_FAR, WINNER = "log10_nmse/best_so_far", "log10_nmse/winner"
CONCLUSION = "conclusion"
_CHARTS = {
    "lowest so far, over the trials ended": BEST_SO_FAR,
    "of the best trial, over its steps": WINNER,
}
ROOT = ""


class StudyRuns:
    """Writes the runs of the studies, and what is said of all of them.

    TensorBoard's own log axes leave out what is exactly 0, so the logarithm is taken here.
    """

    def __init__(self, files: EventFiles) -> None:
        """Write to `files`, the layout first."""
        self._files = files
        self._append(ROOT, _layout(), 0)

    def write_best(self, run: str, trials: int, best: TrialRow, wall_time: float) -> None:
        """Add a study's best row of `TRIALS` after so many of its trials have ended.

        `wall_time` is in seconds since 1970. A row without an nmse is left out.
        """
        if best.nmse is not None:
            self._append(run, scalars({BEST_SO_FAR: log10_nmse(best.nmse)}), trials, wall_time)

    def write_winner(self, run: str, rows: Sequence[CurveRow]) -> None:
        """Add the rows of `CURVES` of a study's best trial, once it is known."""
        for row in rows:
            if row.nmse_at_step is not None:
                self._append(run, scalars({WINNER: log10_nmse(row.nmse_at_step)}), row.step)

    def write_figure(self, run: str, tag: str, png: bytes, size: tuple[int, int]) -> None:
        """Add a picture of `size` (width, height) pixels to a study's run."""
        image = Summary.Image(width=size[0], height=size[1], colorspace=3, encoded_image_string=png)
        self._append(run, Summary(value=[Summary.Value(tag=tag, image=image)]), 0)

    def write_conclusion(self, markdown: str, studies: int) -> None:
        """Add what is known of so many studies that have finished."""
        self._append(ROOT, text_pb(CONCLUSION, markdown), studies)

    def close(self) -> None:
        """See to it that all events are where TensorBoard finds them."""
        self._files.close()

    def _append(
        self, run: str, summary: Summary, step: int, wall_time: float | None = None
    ) -> None:
        now = time.time() if wall_time is None else wall_time
        self._files.append(run, [Event(wall_time=now, step=step, summary=summary)])


def _layout() -> Summary:
    """The charts of the tab Custom Scalars; TensorBoard's own call for it needs TensorFlow."""
    charts = [
        layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=[f"^{tag}$"]))
        for title, tag in _CHARTS.items()
    ]
    category = layout_pb2.Category(title="log10 nmse of each study", chart=charts)
    layout = layout_pb2.Layout(category=[category])
    value = Summary.Value(
        tag=metadata.CONFIG_SUMMARY_TAG,
        metadata=metadata.create_summary_metadata(),
        tensor=make_tensor_proto(layout.SerializeToString()),
    )
    return Summary(value=[value])
