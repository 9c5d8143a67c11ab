"""What the family checks of a target before it plans anything."""

from __future__ import annotations

import pytest
from network_rig import fault

from drill.errors import InvalidInput
from drill.ports import ServiceState
from injectors.network.drop import Drop
from injectors.network.target import own_network


def state(networks: str) -> ServiceState:
    return ServiceState(
        name="near", instance="i", running=True, paused=False, healthy=None, facts={"networks": networks}
    )


@pytest.mark.parametrize("networks", ["host()", "none()", "", "default(near), host()"])
def test_a_target_without_a_network_of_its_own_is_refused(networks: str) -> None:
    with pytest.raises(InvalidInput, match="near has no network of its own"):
        own_network(fault(Drop(), {}), state(networks))


@pytest.mark.parametrize("networks", ["p_default(near)", "p_back() p_front(near,www)", "a(near), a(near)"])
def test_a_target_in_networks_of_its_own_is_taken(networks: str) -> None:
    own_network(fault(Drop(), {}), state(networks))
