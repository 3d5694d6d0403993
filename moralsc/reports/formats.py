"""The formats of an export; apart from the writers, so that the command line can name them without loading those."""

from enum import StrEnum


class Format(StrEnum):
    """What is written: a file each, of lm-eval a folder."""

    CSV = "csv"
    PARQUET = "parquet"
    LM_EVAL = "lm-eval"
