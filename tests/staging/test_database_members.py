"""The pair of database members: streaming, fencing, promotion, rejoining and the restore recipe, seen from outside."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from small_stack import free_ports

from drill import shipped
from drill.stacks.compose_cli import compose

pytestmark = pytest.mark.engine

Until = Callable[[Callable[[], bool], str], None]
PRIMARY, REPLICA = "db-primary", "db-replica"
RESTORE = shipped.root() / "staging" / "db" / "restore.sh"
FILE = shipped.root() / "docker-compose.staging.yml"
DATA = "/var/lib/postgresql/drill/data"


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60)
    return (done.stdout + done.stderr).strip()


class Pair:
    """Both members of one project, and the rows that were promised by whoever took the writes."""

    def __init__(self, project: str, until: Until) -> None:
        self.project = project
        self.until = until
        self.rows: set[int] = set()
        self._next = 0

    def __getitem__(self, member: str) -> str:
        """Its container."""
        labels = (f"label=com.docker.compose.{key}" for key in (f"project={self.project}", f"service={member}"))
        return docker("ps", "-aq", *(f"--filter={label}" for label in labels))

    def sql(self, member: str, text: str, row: int = 0) -> str:
        """The answer; ``:row`` stands for a number. Empty when the member does not answer."""
        ask = [
            "docker",
            "exec",
            "-i",
            self[member],
            "psql",
            "-XtAqw",
            "-U",
            "postgres",
            "-d",
            "app",
            "-v",
            f"row={row}",
        ]
        done = subprocess.run(ask, input=text, capture_output=True, text=True, check=False, timeout=20)
        return done.stdout.strip()

    def script(self, member: str, name: str) -> subprocess.CompletedProcess[str]:
        ask = ["docker", "exec", self[member], "bash", f"/srv/db/{name}.sh"]
        return subprocess.run(ask, capture_output=True, text=True, check=False, timeout=60)

    def write(self, member: str, *, promised: bool = True) -> int:
        self._next += 1
        assert self.sql(member, "INSERT INTO rows VALUES (:row) RETURNING n", self._next) == str(self._next)
        if promised:
            self.rows.add(self._next)
        return self._next

    def role(self, member: str) -> str:
        return {"f": "primary", "t": "standby"}.get(self.sql(member, "SELECT pg_is_in_recovery()"), "")

    def has(self, member: str, row: int) -> bool:
        return self.sql(member, "SELECT count(*) FROM rows WHERE n = :row", row) == "1"

    def is_fenced(self, member: str) -> bool:
        """By its output since it was started last."""
        started = docker("inspect", "-f", "{{.State.StartedAt}}", self[member])
        return "member: fenced: " in docker("logs", "--since", started, self[member])

    def gone(self, member: str) -> None:
        self.until(lambda: docker("inspect", "-f", "{{.State.Running}}", self[member]) == "false", f"{member} to end")

    def fail_over(self) -> None:
        """The primary dies, the replica takes its place and promises a row."""
        docker("kill", self[PRIMARY])
        assert self.script(REPLICA, "promote").returncode == 0
        self.write(REPLICA)

    def fence(self) -> None:
        docker("start", self[PRIMARY])
        self.until(lambda: self.is_fenced(PRIMARY), "the old primary to be fenced")

    def follow(self) -> None:
        """The old primary follows the new one."""
        self.fence()
        assert self.script(PRIMARY, "rejoin").returncode == 0
        row = self.write(REPLICA)
        self.until(lambda: self.has(PRIMARY, row), "the old primary to follow")

    def restore(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", str(RESTORE), self.project], capture_output=True, text=True, timeout=60)

    def check_whole(self) -> None:
        """One primary, its follower, and every promised row once, on both."""
        assert (self.role(PRIMARY), self.role(REPLICA)) == ("primary", "standby")
        row = self.write(PRIMARY)
        self.until(lambda: self.has(REPLICA, row), "the replica to follow")
        wanted = " ".join(str(number) for number in sorted(self.rows))
        for member in (PRIMARY, REPLICA):
            assert self.sql(member, "SELECT string_agg(n::text, ' ' ORDER BY n) FROM rows") == wanted


@pytest.fixture(scope="module")
def members() -> Iterator[str]:
    """A project with the two members alone, from the stack's own Compose file."""
    project = f"drill-test-db-{os.getpid()}-{secrets.token_hex(2)}"
    with pytest.MonkeyPatch.context() as patch:
        for name, port in zip(("PRIMARY", "REPLICA"), free_ports(2), strict=True):
            patch.setenv(f"DRILL_DB_{name}_PORT", str(port))
        subprocess.run(["bash", str(shipped.root() / "staging/build-images.sh")], check=True, timeout=900)
        try:
            compose(FILE, project, ["up", "-d", PRIMARY, REPLICA], shipped.root(), print, 60)
            yield project
        finally:
            compose(FILE, project, ["down", "--volumes"], shipped.root(), print, 60)


@pytest.fixture
def pair(members: str, until: Until) -> Pair:
    """Whole, with an empty table."""
    found = Pair(members, until)
    restored = found.restore()
    assert restored.returncode == 0, restored.stdout + restored.stderr
    found.sql(PRIMARY, "DROP TABLE IF EXISTS rows")
    found.sql(PRIMARY, "CREATE TABLE rows (n int)")
    row = found.write(PRIMARY)
    until(lambda: found.has(REPLICA, row), "the replica to follow")
    return found


def whole(_: Pair) -> None:
    pass


def primary_stopped(pair: Pair) -> None:
    docker("stop", pair[PRIMARY])


def replica_stopped(pair: Pair) -> None:
    docker("stop", pair[REPLICA])
    pair.write(PRIMARY)


def replica_paused(pair: Pair) -> None:
    docker("pause", pair[REPLICA])


def both_stopped(pair: Pair) -> None:
    docker("stop", pair[PRIMARY], pair[REPLICA])


def failed_over(pair: Pair) -> None:
    pair.fail_over()


def failed_over_in_good_order(pair: Pair) -> None:
    docker("stop", pair[PRIMARY])
    assert pair.script(REPLICA, "promote").returncode == 0
    pair.write(REPLICA)


def fenced(pair: Pair) -> None:
    pair.fail_over()
    pair.fence()


def fenced_beside_nobody(pair: Pair) -> None:
    fenced(pair)
    docker("kill", pair[REPLICA])


def both_stopped_after_a_failover(pair: Pair) -> None:
    pair.fail_over()
    docker("stop", pair[REPLICA])


def new_primary_frozen(pair: Pair) -> None:
    pair.fail_over()
    docker("pause", pair[REPLICA])


def old_primary_frozen(pair: Pair) -> None:
    docker("pause", pair[PRIMARY])
    assert pair.script(REPLICA, "promote").returncode == 0
    pair.write(REPLICA)


def rejoined(pair: Pair) -> None:
    pair.fail_over()
    pair.follow()


def demoted(pair: Pair) -> None:
    rejoined(pair)
    pair.script(REPLICA, "demote")
    pair.gone(REPLICA)


def demoted_without_a_follower(pair: Pair) -> None:
    rejoined(pair)
    docker("stop", pair[PRIMARY])
    pair.write(REPLICA)
    pair.script(REPLICA, "demote")
    pair.gone(REPLICA)
    docker("start", pair[PRIMARY])


def demotion_cut_short(pair: Pair) -> None:
    rejoined(pair)
    docker("exec", pair[REPLICA], "touch", f"{DATA}/standby.signal")
    pair.write(REPLICA)
    docker("kill", pair[REPLICA])


def both_standby(pair: Pair) -> None:
    demoted(pair)
    docker("start", pair[REPLICA])
    pair.until(lambda: pair.role(REPLICA) == "standby", "the demoted member to be a standby")


QUICK = (replica_stopped, failed_over, fenced, both_stopped_after_a_failover, demotion_cut_short)
SLOW = (
    whole,
    primary_stopped,
    replica_paused,
    both_stopped,
    failed_over_in_good_order,
    fenced_beside_nobody,
    new_primary_frozen,
    old_primary_frozen,
    rejoined,
    demoted,
    demoted_without_a_follower,
    both_standby,
)
STATES = (*QUICK, *(pytest.param(state, marks=pytest.mark.slow) for state in SLOW))


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_restore_brings_the_pair_back_with_every_promised_row(pair: Pair, state: Callable[[Pair], None]) -> None:
    state(pair)
    done = pair.restore()
    assert done.returncode == 0, done.stdout + done.stderr
    pair.check_whole()


SAYS = ("starting db-primary", "rejoined", "ending db-replica", "takes writes now", "starting db-replica")


@pytest.mark.parametrize(
    "cut_after", [2, *(pytest.param(number, marks=pytest.mark.slow) for number in (0, 1, 3, 4))], ids=SAYS.__getitem__
)
def test_restore_killed_after_anything_that_it_says_is_finished_by_the_next_one(pair: Pair, cut_after: int) -> None:
    pair.fail_over()
    with subprocess.Popen(
        ["bash", str(RESTORE), pair.project], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        said = next((line for line in running.stdout if SAYS[cut_after] in line), "")
        os.killpg(running.pid, signal.SIGKILL)
    assert said
    done = pair.restore()
    assert done.returncode == 0, done.stdout + done.stderr
    pair.check_whole()


def test_a_primary_that_finds_its_peer_writable_stays_fenced_unhealthy_and_says_so(pair: Pair, until: Until) -> None:
    fenced(pair)
    until(
        lambda: docker("inspect", "-f", "{{.State.Health.Status}}", pair[PRIMARY]) == "unhealthy",
        "the fenced member to be seen unhealthy",
    )
    assert pair.role(PRIMARY) == ""
    assert pair.role(REPLICA) == "primary"


def test_a_primary_stays_fenced_after_a_failover_even_while_the_new_one_is_gone(pair: Pair) -> None:
    pair.fail_over()
    docker("kill", pair[REPLICA])
    pair.fence()
    assert pair.role(PRIMARY) == ""


def test_a_primary_whose_peer_is_gone_starts_again(pair: Pair, until: Until) -> None:
    both_stopped(pair)
    docker("start", pair[PRIMARY])
    until(lambda: pair.role(PRIMARY) == "primary", "the primary to start without its replica")


@pytest.mark.slow
def test_an_empty_volume_beside_a_member_with_data_becomes_a_copy_of_it(pair: Pair, until: Until) -> None:
    pair.fail_over()
    docker(
        "run", "--rm", "-u", "0", "--volumes-from", pair[PRIMARY], "--entrypoint", "sh", "drill-staging-base:local",
        "-c", "rm -rf /var/lib/postgresql/drill/*",
    )  # fmt: skip
    docker("start", pair[PRIMARY])
    until(lambda: pair.role(PRIMARY) == "standby", "the emptied member to copy its peer")
    assert pair.restore().returncode == 0
    pair.check_whole()


def test_promotion_twice_is_once_and_is_refused_while_the_peer_takes_writes(pair: Pair) -> None:
    refused = pair.script(REPLICA, "promote")
    assert (refused.returncode, pair.role(REPLICA)) == (1, "standby")
    assert "takes writes; stop it first" in refused.stderr
    pair.fail_over()
    assert pair.script(REPLICA, "promote").stdout == "member: takes writes already\n"


def diverge(pair: Pair) -> int:
    """A fail-over that leaves a row behind on the old primary, which stays fenced. That row."""
    docker("stop", pair[REPLICA])
    behind = pair.write(PRIMARY, promised=False)
    docker("kill", pair[PRIMARY])
    docker("start", pair[REPLICA])
    pair.until(lambda: pair.role(REPLICA) == "standby", "the replica to be back")
    assert pair.script(REPLICA, "promote").returncode == 0
    pair.write(REPLICA)
    assert not pair.has(REPLICA, behind)
    pair.fence()
    return behind


def test_a_member_that_diverged_rejoins_by_a_rewind(pair: Pair, until: Until) -> None:
    behind = diverge(pair)
    assert pair.script(PRIMARY, "rejoin").stdout == "member: rejoined by a rewind\n"
    row = pair.write(REPLICA)
    until(lambda: pair.has(PRIMARY, row), "the old primary to follow")
    assert not pair.has(PRIMARY, behind)
    assert pair.script(PRIMARY, "rejoin").stdout == "member: is a standby already\n"


def lose_wal(pair: Pair) -> None:
    docker("exec", pair[PRIMARY], "bash", "-c", f"rm {DATA}/pg_wal/0000*[0-9A-F]")


def cut_rewind(pair: Pair) -> None:
    docker("exec", pair[PRIMARY], "touch", "/var/lib/postgresql/drill/rewinding")


@pytest.mark.parametrize("spoil", [lose_wal, pytest.param(cut_rewind, marks=pytest.mark.slow)])
def test_a_member_that_cannot_be_rewound_rejoins_by_a_copy(
    pair: Pair, spoil: Callable[[Pair], None], until: Until
) -> None:
    behind = diverge(pair)
    spoil(pair)
    assert pair.script(PRIMARY, "rejoin").stdout.endswith("member: rejoined by a copy\n")
    row = pair.write(REPLICA)
    until(lambda: pair.has(PRIMARY, row), "the old primary to follow")
    assert not pair.has(PRIMARY, behind)


@pytest.mark.slow
def test_restore_copies_a_standby_that_cannot_follow(pair: Pair) -> None:
    """It was demoted holding a row that the promoted member never got."""
    docker("stop", pair[REPLICA])
    pair.write(PRIMARY, promised=False)
    pair.script(PRIMARY, "demote")
    pair.gone(PRIMARY)
    docker("start", pair[REPLICA])
    pair.until(lambda: pair.role(REPLICA) == "standby", "the replica to be back")
    assert pair.script(REPLICA, "promote").returncode == 0
    pair.write(REPLICA)
    docker("start", pair[PRIMARY])
    done = pair.restore()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cannot follow" in done.stdout
    pair.check_whole()


def test_restore_changes_nothing_while_both_members_take_writes(pair: Pair) -> None:
    old_primary_frozen(pair)
    docker("unpause", pair[PRIMARY])
    pair.until(lambda: pair.role(PRIMARY) == "primary", "both members to take writes")
    done = pair.restore()
    assert (done.returncode, pair.role(PRIMARY), pair.role(REPLICA)) == (4, "primary", "primary")
    assert "both members take writes" in done.stderr
    docker("kill", pair[PRIMARY])  # the decision, made by hand
    assert pair.restore().returncode == 0
    pair.check_whole()


@pytest.mark.slow
def test_a_member_promoted_later_than_the_one_that_takes_writes_is_never_rewound(pair: Pair, until: Until) -> None:
    old_primary_frozen(pair)
    docker("unpause", pair[PRIMARY])
    docker("restart", pair[REPLICA])
    until(lambda: pair.is_fenced(REPLICA), "the promoted member to be fenced")
    done = pair.restore()
    assert done.returncode == 4
    assert "Keep one by hand" in done.stderr
    docker("kill", pair[PRIMARY])
    docker("restart", pair[REPLICA])
    assert pair.restore().returncode == 0
    pair.check_whole()


def test_restore_says_what_is_missing_and_leaves_other_projects_alone(pair: Pair) -> None:
    before = [docker("inspect", "-f", "{{.State.StartedAt}}", pair[member]) for member in (PRIMARY, REPLICA)]
    done = subprocess.run(["bash", str(RESTORE), f"{pair.project}-not"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert "has no single container of db-primary" in done.stderr
    assert before == [docker("inspect", "-f", "{{.State.StartedAt}}", pair[member]) for member in (PRIMARY, REPLICA)]
