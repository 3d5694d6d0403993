"""Miniature models with planted biases: their corpus, training and evaluation.

Nothing at run time imports this package; it makes what lies in assets/models. `python -m miniatures --help`.
"""
