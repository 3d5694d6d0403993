"""What runs came to, for people and other programs: figures with a reading each, the report, comparisons, exports.

`figures` and `pairs` give plain values; `charts` and `page` draw them. Everything is measured by `moralsc.analysis`.
"""
