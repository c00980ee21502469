from __future__ import annotations

import pickle

import pytest
from coursewright.errors import ArtifactDamaged, BadInput, Busy, CoursewrightError, InputError


@pytest.mark.parametrize(
    "error",
    [
        BadInput("not a photo", field="portrait", remedy="give a JPEG", detail="magic ff"),
        Busy("too many requests", retry_after_s=3.5),
        InputError("no such file", field="notes"),
        ArtifactDamaged("bytes differ", digest="0" * 64),
    ],
)
def test_an_error_crosses_from_a_worker_process_whole(error: CoursewrightError) -> None:
    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is type(error)
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)
