"""Mitigations that reach into the stack: block, exec, config; what they find, do, and put back (D4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from virtual_drills import only, plan_of, rehearsal, scenario

from drill.engine.remedies import act, before, put_back
from drill.engine.restoration import snapshot
from drill.errors import InvalidInput, StackError
from drill.model.config import Config
from drill.model.lease import Moment
from drill.model.playbook import Mitigation
from drill.model.proxies import ProxyState, ToxicState
from drill.ports import ExecResult, ServiceState
from drill.ports.containers import Containers, Remake
from drill.testing.memory import MemoryStack
from drill.testing.rehearse import Rehearsal

MOMENT = Moment(at_ns=0, uncertainty_ns=0, source="memory")
STRANGER = ToxicState(name="theirs", type="latency", attributes={"latency": 5})
BLOCK = Mitigation(
    name="block-it", type="block", service="statuspage", description="blocks", proxy="payments", route="/payments"
)
EXEC = Mitigation(
    name="cut", type="exec", service="api", description="cuts", command=("cut", "-x"), revert=("uncut", "a b")
)
CONFIG = Mitigation(name="back", type="config", service="api", description="puts back", env={"A": "good", "B": "1"})


def _with_proxy(config: Config) -> Config:
    """The small stack with its status page as the proxy: the memory stack asks for the role only."""
    services = tuple(
        replace(spec, role="toxiproxy") if spec.name == "statuspage" else spec for spec in config.stack.services
    )
    return replace(config, stack=replace(config.stack, services=services))


WITH_PROXY = _with_proxy(plan_of(scenario("api-frozen")).config)


@dataclass
class FakeContainers:
    """One container's environment, and the commands that ran in it."""

    env: dict[str, str]
    ran: list[tuple[str, ...]] = field(default_factory=list)
    remakes: int = 0
    deaf: bool = False

    def made(self, service: str) -> Sequence[Remake]:
        return [Remake(env=dict(self.env))]

    def remake(self, service: str, change: Remake) -> Moment:
        self.remakes += 1
        for name, value in {} if self.deaf else change.env.items():
            self.env.pop(name, None)
            self.env.update({name: value} if value is not None else {})
        return MOMENT

    def act_inside(self, service: str, argv: Sequence[str], *, timeout_s: float = 10, own_user: bool = False) -> Moment:
        assert own_user
        self.ran.append(tuple(argv))
        return MOMENT


class ContainedStack(MemoryStack):
    """A memory stack whose api is a container, and whose facts tell its environment."""

    fake: FakeContainers

    def capabilities(self) -> frozenset[str]:
        return super().capabilities() | {"containers"}

    def containers(self) -> Containers:
        return cast(Containers, self.fake)

    def services(self) -> Mapping[str, ServiceState]:
        found = dict(super().services())
        found["api"] = replace(found["api"], facts={"configuration": str(sorted(self.fake.env.items()))})
        return found


def prepared(change: Callable[[MemoryStack], None] = lambda _: None) -> Rehearsal:
    """A drill that has taken its snapshot."""
    drill = rehearsal(scenario("api-frozen"), config=WITH_PROXY)
    change(drill.stack)
    drill.recorder.emit("drill.started", "test")
    drill.recorder.emit("snapshot.taken", "test", content=snapshot(drill.world), digest="")
    return drill


def with_proxy(stack: MemoryStack) -> None:
    stack.proxy_states["statuspage"] = [ProxyState(name="payments", listen="a:1", upstream="b:2", enabled=True)]


def contained(env: dict[str, str]) -> tuple[Rehearsal, FakeContainers]:
    fake = FakeContainers(env)

    def change(stack: MemoryStack) -> None:
        stack.__class__ = ContainedStack
        cast(ContainedStack, stack).fake = fake

    return prepared(change), fake


def toxics(drill: Rehearsal) -> dict[str, ToxicState]:
    return {toxic.name: toxic for toxic in drill.stack.proxies("statuspage").all()["payments"].toxics}


def cycle(drill: Rehearsal, mitigation: Mitigation) -> Mapping[str, Any]:
    found = before(drill.world, mitigation)
    act(drill.world, mitigation)
    return found


# block


def test_a_block_refuses_the_route_and_is_taken_back_alone() -> None:
    drill = prepared(with_proxy)
    drill.stack.proxies("statuspage").add_toxic("payments", STRANGER)
    found = cycle(drill, BLOCK)
    assert found
    (block,) = [toxic for name, toxic in toxics(drill).items() if name != "theirs"]
    assert (block.type, block.attributes["route"], block.attributes["status"]) == ("http_status", "/payments", 503)
    act(drill.world, BLOCK)
    assert len(toxics(drill)) == 2
    for _ in range(2):
        put_back(drill.world, BLOCK, found)
        assert set(toxics(drill)) == {"theirs"}


def test_a_block_at_a_proxy_that_is_not_there_fails() -> None:
    drill = prepared(with_proxy)
    with pytest.raises(StackError, match="has no proxy 'llm'"):
        before(drill.world, replace(BLOCK, proxy="llm"))
    with pytest.raises(InvalidInput, match="no proxies"):
        before(drill.world, replace(BLOCK, service="api"))


# exec


def test_a_command_runs_in_every_container_and_so_does_its_way_back() -> None:
    drill, fake = contained({})
    found = cycle(drill, EXEC)
    assert found == {"revert": "uncut 'a b'"}
    put_back(drill.world, EXEC, found)
    assert fake.ran == [("cut", "-x"), ("uncut", "a b")]


def test_a_command_that_fails_is_a_failed_mitigation(monkeypatch: pytest.MonkeyPatch) -> None:
    drill = prepared()
    monkeypatch.setattr(drill.stack, "exec", lambda *_, **__: ExecResult(code=3, output="no  such\nthing"))
    with pytest.raises(StackError, match="cut in api failed, exit code 3: no such thing"):
        act(drill.world, EXEC)


def test_a_command_without_a_way_back_leaves_nothing_to_revert_unless_it_was_cut_short() -> None:
    drill = prepared()
    bare = replace(EXEC, revert=())
    assert cycle(drill, bare) == {}
    with pytest.raises(StackError, match="names no way back"):
        put_back(drill.world, bare, {})


# config


def test_an_environment_put_back_to_what_ran_at_steady_state_stays() -> None:
    drill, fake = contained({"A": "good", "B": "1"})
    fake.env["A"] = "bad"
    found = cycle(drill, CONFIG)
    assert found == {"A": "bad", "B": "1"}
    assert fake.env == {"A": "good", "B": "1"}
    put_back(drill.world, CONFIG, found)
    assert fake.env == {"A": "good", "B": "1"}
    assert fake.remakes == 1


def test_another_environment_is_set_back_to_what_was_found() -> None:
    drill, fake = contained({"A": "other"})
    found = cycle(drill, CONFIG)
    assert found == {"A": "other", "B": False}
    put_back(drill.world, CONFIG, found)
    assert fake.env == {"A": "other"}


def test_a_secret_never_reaches_the_journal() -> None:
    drill, fake = contained({"API_KEY": "x", "A": "postgresql://app:pw@db/app"})
    for name in fake.env:
        with pytest.raises(StackError, match=f"{name} is a secret"):
            before(drill.world, replace(CONFIG, env={name: "y"}))


def test_an_environment_that_does_not_take_is_a_failure() -> None:
    drill, fake = contained({"A": "bad"})
    fake.deaf = True
    with pytest.raises(StackError, match="did not take the environment"):
        act(drill.world, CONFIG)


def test_a_fenced_database_member_is_not_recreated() -> None:
    drill, fake = contained({"A": "bad"})
    drill.stack.roles = {"api": "replica", "db": "primary"}
    with pytest.raises(StackError, match="stays fenced: db takes the writes"):
        act(drill.world, CONFIG)
    assert fake.remakes == 0


def test_without_containers_an_environment_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no containers"):
        before(prepared().world, CONFIG)


# in a drill


def test_a_block_by_a_player_is_recorded_and_reverted_at_the_end() -> None:
    found = scenario("api-frozen")
    step = next(step for step in found.script if step.do == "act")
    script = tuple(
        part
        for each in found.script
        for part in ((replace(step, args={"mitigation": "block-it"}), each) if each == step else (each,))
    )
    playbook = plan_of(found).playbook
    drill = rehearsal(
        replace(found, script=script),
        playbook=replace(playbook, mitigations=(*playbook.mitigations, BLOCK)),
        config=WITH_PROXY,
    )
    with_proxy(drill.stack)
    assert drill.run() == "completed"
    assert only(drill, "mitigation.reverted").data == {
        "action_id": "act-1",
        "mitigation": "block-it",
        "ok": True,
        "detail": "",
    }
    assert toxics(drill) == {}
