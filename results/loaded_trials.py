"""The trials of a search as a pandas frame, from wherever a search can lie."""

import pandas

from .folder import OutputFolder


def load_trials(uri: str) -> pandas.DataFrame:
    """Return the table `trials` of the search at `uri`, a row for each trial and each replicate.

    `uri` is a local path or a plain URI of an object store, with credentials from the environment.
    (`pandas.read_parquet` reads a local folder as well.)

    >>> load_trials("s3://bucket/quick").query("phase == 'confirm'")  # doctest: +SKIP

    Raises:
        OutputError: a file there can't be read, or is no part of such a table.
    """
    frame: pandas.DataFrame = OutputFolder(uri).read_trials().to_pandas()
    return frame
