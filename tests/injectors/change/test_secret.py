"""change.secret on a real container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from compose_rig import Rig, inspect
from remade_contract import SECRET, RemadeContract, lease_for
from remade_fixtures import one_service, target

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.change.secret import Secret

__all__ = ["one_service", "target"]
pytestmark = pytest.mark.engine


class TestSecret(RemadeContract):
    injector = Secret()
    params: ClassVar[Mapping[str, ParamValue]] = {"variable": "TOKEN"}

    @staticmethod
    def there(rigged: Rig) -> bool:
        return any(f"TOKEN={SECRET}" not in inspect(one)["Config"]["Env"] for one in rigged.ids())

    def test_every_plan_makes_up_another_long_secret(self, target: Rig) -> None:
        made = {str(self.planned(target).sealed["value"]) for _ in range(3)}
        assert len(made) == 3
        assert all(len(one) >= 32 and one != SECRET for one in made)

    @pytest.mark.parametrize("params", [{}, {"variable": "NOT_THERE"}, {"variable": 3}])
    def test_what_is_no_secret_of_the_service_is_refused(self, target: Rig, params: dict[str, ParamValue]) -> None:
        with pytest.raises(InvalidInput, match=r"no secret|is no name"):
            lease_for(self.injector, target.stack, params)
