"""The two log folders of an output folder: TensorBoard shows one or the other."""

STUDIES = "tensorboard"
"""A run for each study: a few, all of which TensorBoard shows when it opens."""
TRIALS = "tensorboard_trials"
"""A run for each trial, with HParams."""
MOST_RUNS = 2_000
"""Of trials: TensorBoard takes minutes to read more."""
