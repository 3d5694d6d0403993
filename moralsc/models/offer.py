"""Which models a page offers: those of the settings, and always the bundled ones."""

from moralsc.errors import InputError, choose
from moralsc.models import ModelSpec, catalogue, find
from moralsc.settings import Settings


def offered(settings: Settings) -> dict[str, ModelSpec]:
    """The models by name, in the catalogue's order.

    Raises:
        InputError: the settings name a model that the catalogue does not have.
    """
    everyone = catalogue()
    wanted = {choose("model", name, everyone, listed="MORALSC_MODELS names it.") for name in settings.models}
    return {name: spec for name, spec in everyone.items() if not wanted or spec.bundled or name in wanted}


def find_offered(name: str, settings: Settings) -> ModelSpec:
    """The model of this name.

    Raises:
        InputError: there is none, or the page does not offer it; the sentence names one that it does.
    """
    spec, here = find(name), offered(settings)
    if name not in here:
        raise InputError(not_offered(spec, settings))
    return spec


def first_bundled() -> ModelSpec:
    """The bundled model that stands in for one that cannot be asked, once somebody chooses it."""
    return next(spec for spec in catalogue().values() if spec.bundled)


def not_offered(spec: ModelSpec, settings: Settings) -> str:
    """What is said of a model of the catalogue that the page does not offer."""
    titles = [other.title for other in offered(settings).values() if other.family == spec.family]
    instead = titles or [other.title for other in offered(settings).values()]
    return (
        f"This page does not offer {spec.title}; moralsc does on a machine of your own. "
        f"Here are {', '.join(instead[:3])}{' and others' if len(instead) > 3 else ''}."
    )
