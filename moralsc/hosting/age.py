"""How long the server keeps what visitors made or brought."""

import time

from moralsc.settings import Settings

_DAY = 86_400.0


def too_old(last: float, settings: Settings) -> bool:
    """Whether something last touched at `last` (seconds since 1970) is older than is allowed here."""
    return bool(settings.run_days) and last < time.time() - settings.run_days * _DAY
