"""Whole benchmarks: a design becomes a plan, a plan becomes records in a folder, and records become Results."""
