"""All kinds of bad versions; tests/e2e has one that crashes."""

import pytest

from tests.support.deployment import Deployment
from tests.support.updates import BAD_VERSIONS, check_a_bad_version


@pytest.mark.parametrize("kind", sorted({*BAD_VERSIONS} - {"crashes"}))
def test_a_bad_version_stops_at_the_first_replica(production: Deployment, kind: str) -> None:
    check_a_bad_version(production, kind)
