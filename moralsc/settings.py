"""Settings: where things lie and how the program listens, read once from the environment.

A Settings object is passed to whoever needs it. Nothing here is read at import, and nobody imports a value by name.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from moralsc.errors import InputError

PUBLISHED = "https://raw.githubusercontent.com"
_SPACE_ITEMS, _SPACE_DAYS, _SPACE_BRING = 500, 7, 20
# Small, ungated, and each base model with the one that was aligned from it.
_SPACE_MODELS = (
    "smollm2-135m",
    "smollm2-135m-instruct",
    "smollm2-360m",
    "smollm2-360m-instruct",
    "smollm2-1.7b",
    "smollm2-1.7b-instruct",
    "qwen3-0.6b-base",
    "qwen3-0.6b",
    "olmo-2-1b",
    "olmo-2-1b-instruct",
)
ALL_MODELS = "all"
LANGUAGES = ("ca", "es", "ko")
"""In which the default prompt set comes beside English."""

_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Settings:
    """One run's settings.

    Attributes:
        cache: folder for downloaded benchmark files; made when first needed.
        data: folder with the user's own copies of benchmark files, None if none was given.
        results: folder that holds run folders for the page to show, None if none was given.
        prompts: a prompt set of the user's own or one of LANGUAGES, None for the one that comes with moralsc.
        offline: nothing is ever downloaded.
        mirror: where benchmark files are downloaded from, without a slash at the end. A file's address is
            mirror/repository/commit/path, and its content is verified wherever it comes from.
        host, port: where the page listens; port 0 takes any free one.
        space_id: "owner/name" when running as a hosted Space, else empty.
        queue: visitors that may stand in line for a model before the page says that it is full. Above 22, or while
            models are downloaded, up to 24 more may wait: `ui.queues` says why.
        runs: whole runs that the page's server makes side by side.
        run_items: most items of a run that is started from the page, counted once a model; 0 for any number.
        run_days: days after which the server deletes runs that visitors made or brought; 0 for never.
        bring_mb: most megabytes of a file with results that a visitor brings; 0 where none may.
        memory: most gigabytes that the loaded models take together; 0 for what the machine has.
        weights_gb: most gigabytes that unpacked weights take in the cache; those that were not used for longest make
            room. 0 keeps none.
        only_catalogue: neither a path nor an address is taken for a model.
        models: names of the models that the page offers beside practice models and installed ones; empty for the whole
            catalogue.
        open_with: models that the page offers first of all, as `--model` takes them; it opens with the first one.
        requests: that one server is asked at a time, for a model behind an address.
        timeout: seconds that such a server may be silent.
        zero_gpu: this is a Space that borrows a GPU for the seconds of a question.
    """

    cache: Path
    data: Path | None = None
    results: Path | None = None
    prompts: Path | None = None
    offline: bool = False
    mirror: str = PUBLISHED
    host: str = "127.0.0.1"
    port: int = 7860
    space_id: str = ""
    queue: int = 32
    runs: int = 1
    run_items: int = 0
    run_days: int = 0
    bring_mb: int = 50
    memory: int = 0
    weights_gb: int = 20
    only_catalogue: bool = False
    models: tuple[str, ...] = ()
    open_with: tuple[str, ...] = ()
    requests: int = 8
    timeout: int = 120
    zero_gpu: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables that docs/guide.md lists.

        An empty variable counts as not set. A hosted Space limits its visitors' runs unless told otherwise.

        Raises:
            InputError: a value is not allowed; the sentence names the variable, the value and what is allowed.
        """
        env = {name: value.strip() for name, value in environ.items() if value.strip()}
        space_id = env.get("SPACE_ID", "")
        return cls(
            cache=_path(env, "MORALSC_CACHE") or platformdirs.user_cache_path("moralsc"),
            data=_existing(env, "MORALSC_DATA", "folder", "--data or "),
            results=_existing(env, "MORALSC_RESULTS", "folder"),
            prompts=_prompts(env),
            offline=_truth(env, "MORALSC_OFFLINE"),
            mirror=_address(env, "MORALSC_MIRROR"),
            host=env.get("HOST", "0.0.0.0" if space_id else cls.host),
            port=_number(env, "PORT", cls.port, 0, 65535),
            space_id=space_id,
            queue=_number(env, "MORALSC_QUEUE", cls.queue, 1, 1000),
            runs=_number(env, "MORALSC_RUNS", cls.runs, 1, 64),
            run_items=_number(env, "MORALSC_RUN_ITEMS", _SPACE_ITEMS if space_id else cls.run_items, 0, 10**9 - 1),
            run_days=_number(env, "MORALSC_RUN_DAYS", _SPACE_DAYS if space_id else cls.run_days, 0, 10_000),
            bring_mb=_number(env, "MORALSC_BRING_MB", _SPACE_BRING if space_id else cls.bring_mb, 0, 10_000),
            memory=_number(env, "MORALSC_MEMORY", cls.memory, 0, 1_000_000),
            weights_gb=_number(env, "MORALSC_WEIGHTS_GB", cls.weights_gb, 0, 1_000_000),
            only_catalogue=_truth(env, "MORALSC_ONLY_CATALOGUE", bool(space_id)),
            models=_names(env, "MORALSC_MODELS", _SPACE_MODELS if space_id else cls.models),
            open_with=_names(env, "MORALSC_OPEN_WITH", cls.open_with),
            requests=_number(env, "MORALSC_REQUESTS", cls.requests, 1, 256),
            timeout=_number(env, "MORALSC_TIMEOUT", cls.timeout, 1, 86_400),
            zero_gpu=_truth(env, "SPACES_ZERO_GPU"),
        )

    def environ(self) -> dict[str, str]:
        """This process's environment with what a child process needs to read the same settings."""
        told = {"CACHE": self.cache, "DATA": self.data, "PROMPTS": self.prompts, "MIRROR": self.mirror}
        words = {f"MORALSC_{name}": str(value or "") for name, value in told.items()}
        words["MORALSC_OPEN_WITH"] = ",".join(self.open_with)
        truths = {"MORALSC_OFFLINE": self.offline, "MORALSC_ONLY_CATALOGUE": self.only_catalogue}
        return {**os.environ, **words, **{name: str(int(value)) for name, value in truths.items()}}


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]).expanduser() if name in env else None


def _prompts(env: Mapping[str, str]) -> Path | None:
    """A file, or a language in which the default set comes too."""
    if env.get("MORALSC_PROMPTS") in LANGUAGES:
        return Path(env["MORALSC_PROMPTS"])
    return _existing(env, "MORALSC_PROMPTS", "file", "--prompts or ", f" Or one of {', '.join(LANGUAGES)}.")


def _existing(env: Mapping[str, str], name: str, kind: str, option: str = "", others: str = "") -> Path | None:
    """A path that is there; `option` of the command line may have said it as well."""
    path = _path(env, name)
    if path is not None and not (path.is_dir() if kind == "folder" else path.is_file()):
        raise InputError(
            f"{option}{name} is {env[name]!r}, but there is no such {kind}. Give the path of a {kind}, or nothing."
            + others
        )
    return path


def _names(env: Mapping[str, str], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Names with commas between them; ALL_MODELS, alone, sets no limit."""
    names = tuple(part.strip() for part in env.get(name, "").split(",") if part.strip())
    return () if names == (ALL_MODELS,) else names or default


def _truth(env: Mapping[str, str], name: str, default: bool = False) -> bool:
    value = env.get(name, str(int(default))).lower()
    if value not in _TRUTH:
        raise InputError(f"{name} is {env[name]!r}. Allowed: {', '.join(_TRUTH)}.")
    return _TRUTH[value]


def _address(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, PUBLISHED).rstrip("/")
    if not value.startswith(("https://", "http://")):
        raise InputError(f"{name} is {env[name]!r}. Give an address that begins with https:// or http://.")
    return value


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise InputError(f"{name} is {value!r}. Allowed: a whole number from {low} to {high}.")
    return int(value)
