"""What every tab needs, made once by the app and passed along."""

from dataclasses import dataclass, field

from moralsc.engines.pool import EnginePool, pool_for
from moralsc.hosting.brought import Brought
from moralsc.hosting.queue import Queue
from moralsc.prompts import PromptSet, load_prompts
from moralsc.settings import Settings
from moralsc.ui.explorer import Explorer
from moralsc.ui.jobs import Jobs
from moralsc.ui.library import Library
from moralsc.ui.loading import Ahead
from moralsc.ui.own import OwnRuns
from moralsc.ui.queues import Line
from moralsc.ui.shelf import Shelf


@dataclass(frozen=True)
class Context:
    """The app's shared parts. Nothing of a visitor is kept here but the stop flag of a running job.

    Attributes:
        line: of those who ask a model.
        ahead: what is loaded before anybody asks.
        explorer: of the runs that the page can show.
        runs: whole runs that visitors asked for; what they are stands in its folder alone.
        brought: runs that visitors brought; the same.
    """

    settings: Settings
    prompts: PromptSet
    engines: EnginePool
    shelf: Shelf
    jobs: Jobs = field(default_factory=Jobs)
    line: Line = field(default_factory=Line)
    ahead: Ahead = field(default_factory=Ahead)
    runs: Queue = field(init=False)
    brought: Brought = field(init=False)
    explorer: Explorer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", Queue(self.settings.cache / "runs", self.settings))
        object.__setattr__(self, "brought", Brought(self.settings.cache / "brought", self.settings))
        library = Library(self.settings, own=OwnRuns(self.runs, self.brought).of)
        object.__setattr__(self, "explorer", Explorer(library, self.prompts.corrections))


def new_context(settings: Settings) -> Context:
    """Read the prompt set; nothing else is loaded yet."""
    return Context(settings, load_prompts(settings.prompts), pool_for(settings), Shelf(settings))
