"""Analysis: results of many items -> figures with n, exclusions and intervals, comparisons, and claims.

`results` is the one record that a run's answers and answers made elsewhere become; `statistics` holds what libraries
compute, `correction` sets conditions against each other. The formulas of a benchmark stand in its own file.
"""
