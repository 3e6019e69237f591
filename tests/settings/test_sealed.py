from __future__ import annotations

import copy
import pickle
from secrets import token_urlsafe

import pytest

from netra_testkit.settings.sealed import SealedText


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_sealed_text_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps({"inside": [SealedText(token_urlsafe(40))]}, protocol)


def test_nor_does_it_give_its_state_away() -> None:
    with pytest.raises(TypeError, match="is not pickled"):
        SealedText(token_urlsafe(40)).__getstate__()


def test_a_copy_is_the_text_itself() -> None:
    sealed = SealedText(token_urlsafe(40))
    assert copy.copy(sealed) is sealed
    assert copy.deepcopy([sealed])[0] is sealed


def test_it_is_told_only_when_asked() -> None:
    value = token_urlsafe(40)
    sealed = SealedText(value)
    assert sealed.get_secret_value() == value
    assert value not in f"{sealed!r} {sealed}"
