"""Where a model is placed, in which precision, and the numbers of the sentence where it is not."""

from dataclasses import replace

import pytest
from catalogues import HUB

from moralsc.engines.fit import DoesNotFitError, Machine, check_library, download, needed, place
from moralsc.engines.local_machine import measure
from moralsc.errors import ModelError
from moralsc.models import ModelSpec, Precision, Quantisation

GB = 10**9
LAPTOP = Machine("cpu", "this machine's memory", 10 * GB, 16 * GB, 10 * GB, 16 * GB)
CARD = Machine("cuda", "a card", 22 * GB, 24 * GB, 50 * GB, 64 * GB, all_cards=22 * GB)
OLD_CARD = replace(CARD, bfloat16=False)
FOUR = replace(CARD, all_cards=88 * GB)


def spec(billions: float, dtype: Precision = Precision.BFLOAT16, held: Quantisation = Quantisation.NONE) -> ModelSpec:
    return replace(HUB, parameters=round(billions * GB), dtype=dtype, quantisation=held)


@pytest.mark.parametrize(
    ("billions", "dtype", "machine", "device", "chosen"),
    [
        (1, Precision.BFLOAT16, LAPTOP, "cpu", "float32"),
        (3, Precision.BFLOAT16, LAPTOP, "cpu", "bfloat16"),
        (3, Precision.UNSTATED, LAPTOP, "cpu", "bfloat16"),
        (7, Precision.BFLOAT16, CARD, "cuda", "bfloat16"),
        (7, Precision.FLOAT16, CARD, "cuda", "float16"),
        (7, Precision.UNSTATED, CARD, "cuda", "bfloat16"),
        (7, Precision.BFLOAT16, OLD_CARD, "cuda", "float16"),
        (1.5, Precision.FLOAT32, CARD, "cuda", "float32"),
        (7, Precision.FLOAT32, CARD, "cuda", "bfloat16"),
        (13, Precision.BFLOAT16, CARD, "cpu", "bfloat16"),
    ],
)
def test_device_and_precision_follow_from_what_the_machine_has(
    billions: float, dtype: Precision, machine: Machine, device: str, chosen: str
) -> None:
    found = place(spec(billions, dtype), machine)
    assert (found.device, found.dtype) == (device, chosen)
    assert found.needed == needed(spec(billions), chosen)


def test_the_precision_does_not_depend_on_what_is_free_now() -> None:
    busy = replace(LAPTOP, free=7 * GB, memory_free=7 * GB)
    assert place(spec(1), busy).dtype == place(spec(1), LAPTOP).dtype


def test_a_precision_that_is_asked_for_is_kept() -> None:
    assert place(spec(1), LAPTOP, "bfloat16").dtype == "bfloat16"
    with pytest.raises(DoesNotFitError, match=r"14\.4 GB .* in float32"):
        place(spec(3), LAPTOP, "float32")


@pytest.mark.parametrize(
    ("machine", "limit", "numbers"),
    [
        (LAPTOP, 0, ["168.0 GB", "10.0 GB free of 16.0 GB", "Choose a smaller"]),
        (CARD, 0, ["168.0 GB", "22.0 GB free of 24.0 GB", "50.0 GB are free beside it", "Choose a smaller"]),
        (replace(FOUR, all_cards=200 * GB), 0, ["168.0 GB", "--device-map auto"]),
        (LAPTOP, 4 * GB, ["168.0 GB", "4.0 GB", "MORALSC_MEMORY"]),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(machine: Machine, limit: int, numbers: list[str]) -> None:
    with pytest.raises(DoesNotFitError) as raised:
        place(spec(70), machine, limit=limit)
    assert [number for number in numbers if number not in str(raised.value)] == []


def test_quantised_weights_take_less_memory_and_the_same_download() -> None:
    whole = spec(8)
    for held in (Quantisation.INT8, Quantisation.NF4, Quantisation.AO_INT8):
        assert needed(spec(8, held=held), "bfloat16") < needed(whole, "bfloat16")
        assert download(spec(8, held=held)) == download(whole)
    assert place(spec(8, held=Quantisation.NF4), LAPTOP).needed < 10 * GB


def test_a_package_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moralsc.engines.fit.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install bitsandbytes"):
        check_library(spec(8, held=Quantisation.NF4))
    check_library(spec(8))


def test_this_machine_is_measured() -> None:
    here = measure("cpu")
    assert 0 < here.free <= here.total
    assert (here.free, here.total) == (here.memory_free, here.memory_total)
