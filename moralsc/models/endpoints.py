"""Models behind an address: what `--model openai:...` and `--model hf:...` name. Nobody is asked anything here."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from moralsc.answers import ScoredBy
from moralsc.errors import InputError
from moralsc.models import ModelSpec, Stage, catalogue
from moralsc.settings import Settings

HUB_ROUTER = "https://router.huggingface.co/v1"
"""Where Hugging Face's Inference Providers answer, as one OpenAI-compatible server."""

NATURE = "A model behind an address: what it is and how it was trained is known from its server alone."
_SHAPES = "Write openai:http://HOST:PORT, with #MODEL behind it where the server has several, or hf:OWNER/NAME."

_HOST = r"[\w-]+(\.[\w-]+)*\.?|[\da-f.]*:[\da-f:.]+(%\w+)?"


@dataclass(frozen=True)
class Endpoint:
    """Where a model is asked.

    Attributes:
        address: of the OpenAI-compatible API, up to and with its version (".../v1"), without a slash at the end.
        model: as the server names it; empty if it is to be asked for its only one.
        key: the environment's variable that holds the key. The key itself is never kept beside the address.
        plain: asked by text completions, for a model without a chat template.
        needs_key: nobody is answered without one.
    """

    address: str
    model: str
    key: str
    plain: bool = False
    needs_key: bool = False


@dataclass(frozen=True)
class Patience:
    """How long a server is borne with.

    Attributes:
        seconds: that it may be silent.
        requests: that it is asked at a time.
        attempts: at each request, at least 1.
        pause: seconds before the second attempt; doubled before each further one.
    """

    seconds: float = 120.0
    requests: int = 8
    attempts: int = 5
    pause: float = 1.0

    @classmethod
    def of(cls, settings: Settings) -> "Patience":
        """What the settings say."""
        return cls(settings.timeout, settings.requests)


def is_endpoint(name: str) -> bool:
    """Whether a model's name is an address."""
    return name.startswith(("openai:", "hf:"))


def read_endpoint(name: str) -> Endpoint:
    """The endpoint of a name: openai:http[s]://HOST[:PORT][/PATH][#MODEL], or hf:OWNER/NAME[:PROVIDER].

    A path that ends in /completions asks by text completions, one without it or with /chat/completions by chat.

    Raises:
        InputError: it is no such name, or it holds a user, a password or a query, where keys would be seen by others.
    """
    kind, _, rest = name.partition(":")
    if kind == "hf":
        if not re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w-]+)?", rest, re.ASCII):
            raise InputError(f"{_short(name)} names no model of Inference Providers. {_SHAPES}")
        return Endpoint(HUB_ROUTER, rest, "HF_TOKEN", needs_key=True)
    if "@" in rest.partition("#")[0] or "?" in rest:
        # First of all, and what was typed is not repeated: it may hold a key.
        raise InputError(
            "The address of a model holds no user, password or query, since names of models stand in records and "
            f"links. Put the key into the variable OPENAI_API_KEY. {_SHAPES}"
        )
    try:
        parts = urlsplit(rest)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    shaped = rest.isprintable() and " " not in rest and re.fullmatch(_HOST, host, re.ASCII)
    if not shaped or parts.scheme not in ("http", "https"):
        raise InputError(f"{_short(name)} holds no address. {_SHAPES}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    plain, path = path.endswith("/completions"), path.removesuffix("/completions") or "/v1"
    return Endpoint(f"{parts.scheme}://{parts.netloc}{path}", parts.fragment, "OPENAI_API_KEY", plain)


def endpoint_spec(name: str) -> ModelSpec:
    """The model of an address, before its server was asked.

    Raises:
        InputError: see `read_endpoint`.
    """
    endpoint = read_endpoint(name)
    host = urlsplit(endpoint.address).netloc
    spec = ModelSpec(
        name=name,
        title=endpoint.model or host,
        parameters=0,
        stage=Stage.UNKNOWN,
        scored_by=ScoredBy.LABEL,
        nature=NATURE,
        family=endpoint.model or "Endpoint",
        size_label=f"at {host}",
        address=endpoint.address,
    )
    return named(spec, endpoint.model)


def named(spec: ModelSpec, model: str) -> ModelSpec:
    """The spec with the name that the server gives the model.

    A name that ends as a repository or a name of the catalogue does says what the model is meant to be, and how its
    options are scored; a miniature keeps its mark wherever it is asked.
    """
    spec = replace(spec, title=model or spec.title)
    last = _last(model)
    known = next((s for s in catalogue().values() if not s.address and last in (s.name, _last(s.repo))), None)
    if known is None or not last:
        return spec
    return replace(
        spec,
        parameters=known.parameters,
        stage=known.stage,
        scored_by=known.scored_by,
        bundled=known.bundled,
        nature=known.nature if known.bundled else spec.nature,
    )


def _last(name: str) -> str:
    """The last part of a model's path, in lower case; without the provider that may follow it."""
    return name.rstrip("/").rpartition("/")[2].partition(":")[0].lower()


def _short(name: str) -> str:
    return repr(name[:60])
