"""Tests of `cluster`: a package, so that its cluster ends with the last of them."""
