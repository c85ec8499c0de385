"""The output of the daily commands, without an engine."""

import io
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.operate import logs, memory, status
from tools.operate.status import Row
from tools.operate.terminal import GREEN, RED, paint

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("started", "shown"),
    [
        ("2026-01-02T11:59:59.5Z", "1 s"),
        ("2026-01-02T11:57:00.123456789Z", "3 min"),
        ("2026-01-02T09:30:00Z", "2 h"),
        ("2025-12-20T12:00:00Z", "13 d"),
        ("2026-01-02T12:00:07Z", "0 s"),  # the clocks differ slightly
    ],
)
def test_an_uptime_is_in_its_largest_unit(started: str, shown: str) -> None:
    assert status.since(started, NOW) == shown


@pytest.mark.parametrize(
    ("state", "policy", "shown"),
    [
        ({"Status": "running", "Health": {"Status": "unhealthy"}}, "always", "unhealthy"),
        ({"Status": "running"}, "always", "running"),
        ({"Status": "exited", "ExitCode": 0}, "no", "done"),
        ({"Status": "exited", "ExitCode": 1}, "no", "exited"),
        ({"Status": "exited", "ExitCode": 0}, "always", "exited"),
    ],
)
def test_the_health_of_a_container(state: dict[str, Any], policy: str, shown: str) -> None:
    attrs = {"State": state, "HostConfig": {"RestartPolicy": {"Name": policy}}}
    container: Any = SimpleNamespace(status=state["Status"], attrs=attrs)
    assert status.health(container) == shown


def test_a_table_is_aligned_and_plain_where_nobody_looks() -> None:
    rows = [
        Row(container="a", image="one:v1", health="healthy"),
        Row(container="bb", image="", health="missing"),
    ]
    assert status.table(rows, io.StringIO()) == [
        "container  image   health   uptime  restarts  memory  url",
        "a          one:v1  healthy",
        "bb                 missing",
    ]


def test_colours_are_for_a_terminal_and_its_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("up", GREEN, Terminal()) == "\x1b[32mup\x1b[0m"
    assert paint("up", GREEN, io.StringIO()) == "up"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("up", RED, Terminal()) == "up"


@pytest.mark.parametrize(
    ("memberships", "folder", "total", "cache"),
    [
        (
            "5:cpu:/x\n4:memory:/docker/abc\n",
            "memory",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
        ("0::/docker/abc\n", "", "memory.current", "inactive_file"),
    ],
    ids=["v1", "v2"],
)
def test_memory_is_without_what_is_only_cache(
    tmp_path: Path, memberships: str, folder: str, total: str, cache: str
) -> None:
    cgroup = tmp_path / folder / "docker" / "abc"
    cgroup.mkdir(parents=True)
    (cgroup / total).write_text("5000\n")
    (cgroup / "memory.stat").write_text(f"rss 1\n{cache} 2000\n")
    assert memory.of_cgroup(memberships, tmp_path) == 3000


def test_memory_is_asked_of_the_engine_where_no_cgroup_is_seen(tmp_path: Path) -> None:
    container: Any = SimpleNamespace(
        attrs={"State": {"Pid": 7}}, stats=lambda **_: {"memory_stats": {"usage": 42}}
    )
    assert memory.used(container, processes=tmp_path) == 42
    container.attrs["State"]["Pid"] = 0
    assert memory.used(container) is None


def test_lines_are_whole_however_they_arrive() -> None:
    chunks = [
        b"one\ntw",
        b"o\n",
        b"thr",
        "\N{LATIN SMALL LETTER E WITH ACUTE}".encode()[:1],
        b"\nend",
    ]
    assert list(logs.lines(iter(chunks))) == ["one", "two", "thr\N{REPLACEMENT CHARACTER}", "end"]
