"""Runs that the page's server makes for its visitors: each is `moralsc run` in a process of its own."""
