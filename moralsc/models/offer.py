"""Which models a page offers and in which order; so also which one it opens with, and which stands in for another."""

from collections.abc import Sequence

from moralsc.errors import InputError, choose
from moralsc.models import ModelSpec, catalogue, find
from moralsc.models.local import opened
from moralsc.models.packages import installed
from moralsc.settings import Settings

_SPACE_OPENS_WITH = "smollm2-135m-instruct"


def offered(settings: Settings) -> dict[str, ModelSpec]:
    """The models by name: those that are here, practice models, then those that would be downloaded.

    Practice models and models of installed packages are offered whatever the settings say. A Space has the hub's models
    at hand and takes none from packages. Within each kind they stand in the catalogue's order.

    Raises:
        InputError: the settings name a model that the catalogue does not have.
    """
    chosen, everyone = opened(settings), catalogue()
    wanted = {choose("model", name, everyone, listed="MORALSC_MODELS names it.") for name in settings.models}
    placed = {name: _place(spec, settings, chosen, not wanted or name in wanted) for name, spec in everyone.items()}
    here = {name: place for name, place in placed.items() if place is not None}
    return {name: everyone[name] for name in sorted(here, key=here.__getitem__)}


_HERE, _PRACTICE, _LATER = range(3)


def _place(spec: ModelSpec, settings: Settings, chosen: Sequence[str], wanted: bool) -> int | None:
    """Which models it stands among, below _HERE for those that open the page; None where it is not offered."""
    space = bool(settings.space_id)
    if spec.name in chosen:
        return chosen.index(spec.name) - len(chosen)
    if spec.bundled:
        return _PRACTICE
    if spec.package and (space or installed(spec)):
        return None if space else _HERE
    if not wanted:
        return None
    if space and spec.name == _SPACE_OPENS_WITH and not chosen:
        return _HERE - 1
    return _LATER if spec.package or (spec.repo and not space) else _HERE


def first(settings: Settings) -> ModelSpec:
    """The model that the page opens with, and that a link or a call means which names none."""
    return next(iter(offered(settings).values()))


def instead_of(name: str, settings: Settings) -> ModelSpec | None:
    """The model to offer where this one could not be had or asked; None for a practice model, which is always here.

    It needs no download, no server and no borrowed GPU.
    """
    if find(name).bundled:
        return None
    opening = first(settings)
    return first_practice() if opening.name == name or opening.repo or opening.address else opening


def find_offered(name: str, settings: Settings) -> ModelSpec:
    """The model of this name.

    Raises:
        InputError: there is none, or the page does not offer it; the sentence names one that it does.
    """
    spec, here = find(name), offered(settings)
    if name not in here:
        raise InputError(not_offered(spec, settings))
    return spec


def first_practice() -> ModelSpec:
    """The practice model that stands in for a model that cannot be asked, once somebody chooses it."""
    return next(spec for spec in catalogue().values() if spec.bundled)


def not_offered(spec: ModelSpec, settings: Settings) -> str:
    """What is said of a model of the catalogue that the page does not offer."""
    titles = [other.title for other in offered(settings).values() if other.family == spec.family]
    instead = titles or [other.title for other in offered(settings).values()]
    return (
        f"This page does not offer {spec.title}; moralsc does on a machine of your own. "
        f"Here are {', '.join(instead[:3])}{' and others' if len(instead) > 3 else ''}."
    )
