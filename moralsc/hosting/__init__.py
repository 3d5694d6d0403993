"""Runs of a page's visitors: those that its server makes, each `moralsc run` in its own process, and brought ones."""
