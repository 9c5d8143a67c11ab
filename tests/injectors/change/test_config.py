"""change.config on a real container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from compose_rig import Rig, inspect
from remade_contract import RemadeContract, lease_for
from remade_fixtures import one_service, target

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.change.config import Config

__all__ = ["one_service", "target"]
pytestmark = pytest.mark.engine


def environments(rigged: Rig) -> list[dict[str, str]]:
    return [dict(item.split("=", 1) for item in inspect(one)["Config"]["Env"]) for one in rigged.ids()]


class TestConfig(RemadeContract):
    injector = Config()
    params: ClassVar[Mapping[str, ParamValue]] = {"variable": "MODE", "value": "wrong"}

    @staticmethod
    def there(rigged: Rig) -> bool:
        return any(env.get("MODE") == "wrong" for env in environments(rigged))

    def test_a_variable_can_go_missing(self, target: Rig) -> None:
        lease = lease_for(self.injector, target.stack, {"variable": "MODE", "unset": True})
        assert not self.injector.active(lease, target.stack)
        self.injector.apply(lease, target.stack)
        assert "MODE" not in target.stack.exec("web", ["env"]).output
        assert self.injector.active(lease, target.stack)
        self.injector.undo(lease, target.stack)
        assert [env["MODE"] for env in environments(target)] == ["good"]
        assert self.gone(target, lease)

    def test_another_change_by_a_responder_ends_it_and_stays(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        other = lease_for(Config(), target.stack, {"variable": "MODE", "value": "mended"})
        Config().apply(other, target.stack)
        assert self.gone(target, lease)
        self.injector.undo(lease, target.stack)
        assert [env["MODE"] for env in environments(target)] == ["mended"]
        Config().undo(other, target.stack)
        self.injector.undo(lease, target.stack)

    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({"value": "x"}, "variable None"),
            ({"variable": "A=B", "value": "x"}, "variable 'A=B'"),
            ({"variable": "MODE"}, "needs `value`"),
            ({"variable": "MODE", "value": "x", "unset": True}, "needs `value`"),
            ({"variable": "MODE", "unset": "yes"}, "needs `value`"),
            ({"variable": "MODE", "value": "good"}, "so already"),
            ({"variable": "NOT_THERE", "unset": True}, "so already"),
            ({"variable": "MODE", "value": "a\0b"}, "NUL"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, target: Rig, params: dict[str, ParamValue], said: str) -> None:
        with pytest.raises(InvalidInput, match=said) as caught:
            lease_for(self.injector, target.stack, params)
        assert "\n" not in str(caught.value)
