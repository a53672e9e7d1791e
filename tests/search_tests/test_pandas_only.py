"""The results are read with pandas and pyarrow alone."""

import subprocess
import sys

from search import SearchResult

READ = """
import sys

class Refusing:
    '''Lets nothing of dottune and of its dependencies be imported.'''

    names = {"torch", "ray", "optuna", "search", "results", "spaces", "trainables", "cluster"}

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.names:
            raise ImportError(f"{name} must not be needed")

sys.meta_path.insert(0, Refusing)
import pandas

trials = pandas.read_parquet(sys.argv[1] + "/trials")
key = ["study", "trial", "phase", "replicate", "steps_factor"]
assert not trials.duplicated(key).any()
curves = pandas.read_parquet(sys.argv[1] + "/curves")
assert not curves.duplicated([*key, "step"]).any()
assert len(curves.merge(trials, on=key)) == len(curves)
summary = pandas.read_parquet(sys.argv[1] + "/summary.parquet")
print(len(trials), len(summary))
"""


def test_pandas_alone_reads_a_search(smoke: SearchResult) -> None:
    read = subprocess.run(
        [sys.executable, "-I", "-c", READ, smoke.uri], capture_output=True, text=True, check=False
    )
    assert read.returncode == 0, read.stderr
    assert read.stdout == "24 2\n"
