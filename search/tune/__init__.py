"""The search as Ray Tune runs it: what it is asked, when, and what went wrong."""
