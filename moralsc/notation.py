"""How figures and conditions are written wherever people read them: page, terminal, reports."""

from moralsc.answers import is_small

NOTICEABLE = 0.02
"""A change smaller than this is not called one."""


def number(value: float, places: int = 2) -> str:
    """A figure without a leading zero: ".25", "−.40", "1.00"."""
    shown = f"{abs(value):.{places}f}"
    return ("−" if value < 0 and float(shown) else "") + (shown[1:] if shown.startswith("0.") else shown)


def signed(value: float, places: int = 2) -> str:
    """A difference with its sign; ".00" has none."""
    shown = number(value, places)
    return shown if shown.startswith("−") or not float(shown) else f"+{shown}"


def percent(share: float) -> str:
    """A share as a percentage: "27 %". Rounding makes none of it 0, less than half 50 or less than all 100."""
    exact = 100 * share
    shown = round(exact)
    if shown == 0 < exact:
        return "under 1 %"
    if shown == 50 > exact:
        return "under 50 %"
    return "over 99 %" if shown == 100 > exact else f"{shown} %"


def options_hold(mass: float) -> str:
    """What stands beside the probabilities of options: how much of the probability they hold, as a sentence."""
    said = f"The options hold {percent(mass)} of the probability"
    return said + (": left alone, the model would have said something else." if is_small(mass) else ".")


def left_out(items: int) -> str:
    """What a ranking says of the items that it leaves out for their small mass; empty where there are none."""
    if not items:
        return ""
    return f"{items} item{'' if items == 1 else 's'} left out: the options hold less than half of the probability."


def duration(seconds: float) -> str:
    """A time in words: "8 s", "2 min 05 s", "1 h 20 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def rate(each_second: float) -> str:
    """How often something happens, in words: "85 a second", "4.2 a second", "12 a minute"."""
    if each_second >= 1:
        return f"{each_second:.{0 if each_second >= 10 else 1}f} a second"
    each_minute = each_second * 60
    return f"{each_minute:.{0 if each_minute >= 10 else 1}f} a minute"


def bytes_text(count: float) -> str:
    """An amount of memory or disk: "14.5 GB", "270 MB", "2 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def bytes_of(done: float, total: float) -> str:
    """How far a download is: "1.2 of 3.4 GB", "12 of 270 MB"."""
    unit, places = (1e9, 1) if total >= 1e9 else (1e6, 0)
    return f"{done / unit:.{places}f} of {bytes_text(total)}"
