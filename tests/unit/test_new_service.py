"""`make new-service` writes a whole service or nothing."""

import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tools.operate import new_service
from tools.setup.errors import Problem
from topology import SERVICES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("topology.py", "Pulumi.yaml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "services", tmp_path / "services")
    return tmp_path


def everything(project: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_the_row_is_the_last_and_the_others_stay(project: Path) -> None:
    added = new_service.add("unit-probe", "unit/probe", project)
    *others, last = runpy.run_path(str(project / "topology.py"))["SERVICES"]
    assert repr(last) == repr(added)
    assert [repr(row) for row in others] == [repr(row) for row in SERVICES]
    assert (last.prefix, last.call) == ("/unit/probe/", "/unit_probe")
    assert last.host_port not in {row.host_port for row in SERVICES}


def test_one_file_is_written_beside_the_row(project: Path) -> None:
    """Pulumi.yaml needs no key: `services` has those of every row."""
    before = everything(project)
    new_service.add("unit-probe", "/unit/probe/", project)
    after = everything(project)
    written = {path for path in after if after[path] != before.get(path)}
    assert written == {
        str(project / name) for name in ("services/unit-probe/app.py", "topology.py")
    }


def test_a_row_without_a_route_overlaps_none(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = replace(SERVICES[1], prefix="", host_port=0)
    monkeypatch.setattr(new_service, "SERVICES", (SERVICES[0], worker))
    assert new_service.add("unit-probe", "/api/v2/", project).prefix == "/api/v2/"


def test_it_answers_by_its_own_name(project: Path) -> None:
    new_service.add("unit-probe", "/unit/probe/", project)
    app = TestClient(runpy.run_path(str(project / "services/unit-probe/app.py"))["app"])
    assert app.get("/unit_probe").json() == {"Code": 2000, "Message": "I am unit-probe!"}
    assert app.get("/healthz").status_code == 200
    assert app.get("/unit_probe", headers={"X-Service": "microservice2"}).status_code == 421
    assert app.get("/unit_probe", headers={"X-Service": "unit-probe"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "prefix", "right"),
    [
        ("Orders", "/api/v9/", "NAME='Orders' must be small letters"),
        ("", "/api/v9/", "NAME='' must be"),
        ("a", "/api/v9/", "NAME='a' must be"),
        ("../x", "/api/v9/", "NAME='../x' must be"),
        ("microservice1", "/api/v9/", "NAME='microservice1' is taken"),
        ("frontend", "/api/v9/", "NAME='frontend' is taken"),
        ("chassis", "/api/v9/", "NAME='chassis' is taken"),
        ("orders", "", "PREFIX='//' must be a path"),
        ("orders", "/api/{x}/", "PREFIX='/api/{x}/' must be a path"),
        ("orders", "/api/v1/", "PREFIX='/api/v1/' overlaps /api/v1/ of microservice1"),
        ("orders", "/api/", "PREFIX='/api/' overlaps /api/v1/ of microservice1"),
        ("orders", "/api/v2/more", "PREFIX='/api/v2/more/' overlaps /api/v2/ of microservice2"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    project: Path, name: str, prefix: str, right: str
) -> None:
    before = everything(project)
    with pytest.raises(Problem) as raised:
        new_service.add(name, prefix, project)
    assert right in str(raised.value)
    assert everything(project) == before
