"""Which updates are a release, which release a roll-back takes, and what it declares."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from infra import drift, history, releases
from infra.history import LAST, RefusedError, Release, choose, images_of, is_another
from tests.support import program
from tests.support.program import CONTAINER, declare
from tests.support.swarm_program import CONFIG, on_a_swarm
from tools.operate import shipped

IMAGE = "docker:index/remoteImage:RemoteImage"


def release(number: int, version: str, back_to: int = 0, **more: str) -> Release:
    """Return one whose images have this version, a letter."""
    images = {"one": f"one:v1-{version}", "site": f"site:v1-{version}", **more}
    bases = {"nginx:1.30": "sha256:0123456789abcdef"}
    at = f"2026-12-0{number}T00:00:00+00:00"
    return Release(
        number=number, time=at, who="a@b", commit="abc", images=images, bases=bases, back_to=back_to
    )


THREE = (release(1, "a"), release(2, "b"), release(3, "c"))


class TestWhatIsARelease:
    def test_the_first_update_and_another_image(self) -> None:
        assert is_another((), {"one": "one:v1-a"}, 0)
        assert is_another(THREE, THREE[0].images, 0)

    def test_the_same_images_are_none(self) -> None:
        assert not is_another(THREE, THREE[2].images, 0)
        assert not is_another(THREE, THREE[2].images, 3)

    def test_one_that_leaves_a_roll_back_is_also_with_the_same_images(self) -> None:
        back = (*THREE, release(4, "a", 1))
        assert is_another(back, THREE[0].images, 0)
        assert not is_another(back, THREE[0].images, 1)

    def test_it_is_read_as_it_was_written(self) -> None:
        written = [one.as_output() for one in THREE]
        as_pulumi_has_it = [{**one, "number": float(one["number"])} for one in written]
        assert history.read({"releases": as_pulumi_has_it}) == THREE
        assert history.read({}) == ()


class TestWhichReleaseIsTaken:
    def test_the_one_of_the_number(self) -> None:
        assert choose(THREE, "1", ()).number == 1

    @pytest.mark.parametrize("wanted", ["4", "0", "-1", "one", "1.0", " 1"])
    def test_another_number_is_refused_with_those_there_are(self, wanted: str) -> None:
        with pytest.raises(RefusedError, match="is no release; there are 1, 2, 3"):
            choose(THREE, wanted, ())

    def test_the_last_good_one_is_the_one_before(self) -> None:
        assert choose(THREE, LAST, THREE[2].images.values()).number == 2

    def test_after_a_roll_back_it_is_the_one_before_that_one(self) -> None:
        back = (*THREE, release(4, "b", 2))
        assert choose(back, LAST, back[-1].images.values()).number == 1

    def test_no_roll_back_is_a_good_one(self) -> None:
        """Release 3 has been left for release 1, so it is not the one to go to from 5."""
        five = (*THREE, release(4, "a", 1), release(5, "d"))
        assert choose(five, LAST, five[-1].images.values()).number == 3

    def test_of_the_same_images_there_is_nothing_to_go_back_to(self) -> None:
        same = (release(1, "a"), release(2, "b"), release(3, "b"))
        assert choose(same, LAST, same[2].images.values()).number == 1

    def test_there_may_be_none(self) -> None:
        with pytest.raises(RefusedError, match="there is none before release 1; there are 1"):
            choose(THREE[:1], LAST, THREE[0].images.values())
        with pytest.raises(RefusedError, match="there is none before release 4 is a roll-back"):
            choose((*THREE, release(4, "a", 1)), LAST, THREE[0].images.values())
        with pytest.raises(RefusedError, match="there is no release yet; `make up`"):
            choose((), LAST, ())

    def test_an_update_that_did_not_end_is_left_for_the_release_before_it(self) -> None:
        assert choose(THREE, LAST, {"one:v1-new", "site:v1-c"}).number == 3

    def test_a_roll_back_that_did_not_end_goes_on(self) -> None:
        assert choose(THREE, LAST, {"one:v1-a", "one:v1-c", "site:v1-c"}).number == 1


class TestItsImages:
    def test_are_of_what_the_table_has(self) -> None:
        assert images_of(THREE[0], THREE, ["one"]) == {"one": "one:v1-a"}

    def test_of_what_it_had_not_the_newest(self) -> None:
        former = (*THREE, release(4, "d", two="two:v1-x"), release(5, "e", two="two:v1-y"))
        assert images_of(THREE[0], former, ["one", "two"]) == {"one": "one:v1-a", "two": "two:v1-y"}

    def test_what_none_has_is_named(self) -> None:
        with pytest.raises(RefusedError, match="no release has an image of two; `make up`"):
            images_of(THREE[0], THREE, ["one", "two"])


def of_program(number: int, version: str) -> Release:
    names = ("microservice1", "microservice2", "frontend", "frontend-site")
    return replace(release(number, version), images={n: f"{n}:v1-{version * 12}" for n in names})


TWO = (of_program(1, "a"), of_program(2, "b"))
STANDBY = "frontend-standby"  # its image is of no release
PRODUCTION = {"mode": "production", "replicas": 2}


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the stack exports, after a run whose former releases are TWO."""
    found: dict[str, Any] = {}
    made = {"releases": [one.as_output() for one in TWO]}
    there = {t: {"Labels": {"microservices.content": t[-12:]}} for one in TWO for t in tags(one)}
    monkeypatch.setattr(pulumi, "export", found.__setitem__)
    monkeypatch.setattr(program, "OUTPUTS", made)
    monkeypatch.setattr(program, "TAGGED", there)
    return found


def tags(one: Release) -> list[str]:
    return list(one.images.values())


def test_an_update_keeps_the_images_of_former_releases(outputs: dict[str, Any]) -> None:
    seen = declare(**PRODUCTION).seen
    declared = {name for typ, name in seen if typ == IMAGE} - {STANDBY}
    assert {tag for one in TWO for tag in tags(one)} < declared
    assert len(declared) == 3 * 4
    assert len(outputs["releases"]) == 3


def test_images_that_are_gone_are_not_declared(
    outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {tag: image for tag, image in program.TAGGED.items() if tag not in tags(TWO[0])}
    monkeypatch.setattr(program, "TAGGED", there)
    seen = declare(**PRODUCTION).seen
    assert {name for typ, name in seen if typ == IMAGE}.isdisjoint(tags(TWO[0]))
    assert len(outputs["releases"]) == 3


def test_a_roll_back_declares_the_images_without_a_build(
    outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLL_BACK_TO", "1")
    declared = declare(**PRODUCTION)
    images = [
        inputs for (typ, name), inputs in declared.seen.items() if typ == IMAGE and name != STANDBY
    ]
    assert {one["name"] for one in images} == {tag for one in TWO for tag in tags(one)}
    assert not [one for one in images if "build" in one]
    used = {one["image"] for name, one in declared.containers().items() if name != "frontend"}
    assert used == set(tags(TWO[0]))
    labels = declared.seen[CONTAINER, "frontend-site"]["labels"]
    assert {"label": "microservices.version", "value": "a" * 12} in labels
    assert len(outputs["releases"]) == 3


def test_of_eleven_ten_are_kept(outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ten = [replace(TWO[n % 2], number=n) for n in range(1, 11)]
    monkeypatch.setattr(program, "OUTPUTS", {"releases": [one.as_output() for one in ten]})
    declare(**PRODUCTION)
    assert [one["number"] for one in outputs["releases"][:-1]] == list(range(2, 11))
    assert len(outputs["releases"]) == history.KEPT


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize(
    ("wanted", "gone", "said"),
    [
        ("3", "", "'3' is no release; there are 1, 2"),
        ("1", "microservice1:v1-aaaaaaaaaaaa", "microservice1:v1-aaaaaaaaaaaa of release 1 is not"),
        ("last", "frontend:v1-aaaaaaaaaaaa", "frontend:v1-aaaaaaaaaaaa of release 1 is not on"),
    ],
)
def test_what_cannot_be_put_back_is_refused(
    monkeypatch: pytest.MonkeyPatch, wanted: str, gone: str, said: str
) -> None:
    monkeypatch.setenv("ROLL_BACK_TO", wanted)
    there = {tag: image for tag, image in program.TAGGED.items() if tag != gone}
    monkeypatch.setattr(program, "TAGGED", there)
    with pytest.raises(pulumi.RunError, match=f"the roll-back is refused: {said}"):
        declare(**PRODUCTION)


def test_a_tag_that_names_another_image_is_none_of_a_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {"one:v1-abc": {"Labels": {"microservices.content": "abd"}}, "two:v1-abc": {}}
    monkeypatch.setattr(drift, "_tagged", lambda: other)
    assert not drift.is_there("one:v1-abc")
    assert not drift.is_there("two:v1-abc")
    assert not drift.is_there("three:v1-abc")


def test_development_has_none(outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    declare()
    assert "releases" not in outputs
    monkeypatch.setenv("ROLL_BACK_TO", "1")
    with pytest.raises(pulumi.RunError, match="this stack mounts its sources"):
        declare()


def test_a_swarm_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLL_BACK_TO", "1")
    with on_a_swarm(), pytest.raises(pulumi.RunError, match="docker service rollback"):
        declare(**CONFIG)


def test_a_state_that_is_being_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [Exception("EOF"), SimpleNamespace(value={"outputs": {"url": "x"}})]

    def invoke(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    assert releases._own_outputs() == {"url": "x"}  # noqa: SLF001  as below
    answers.append(Exception("EOF"))
    monkeypatch.setattr(releases, "READ_SECONDS", -1)
    with pytest.raises(pulumi.RunError, match="nothing is changed, the stack's releases cannot"):
        releases._own_outputs()  # noqa: SLF001  as below


def test_the_record_says_of_which_commit_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"rev-parse": "abc1234", "status": " M app.py"}
    monkeypatch.setattr(releases, "_git", lambda word, *_: said[word])
    assert releases._commit() == "abc1234+"  # noqa: SLF001  no other way to a repository
    said["status"] = ""
    assert releases._commit() == "abc1234"  # noqa: SLF001  as above
    said["rev-parse"] = ""
    assert releases._commit() == ""  # noqa: SLF001  as above


def test_they_are_listed_with_what_each_changed() -> None:
    back = replace(release(3, "a", 1), bases={"nginx:1.30": "sha256:fedcba9876543210"})
    there = {*tags(THREE[0])}
    assert shipped.table((*THREE[:2], back), there) == [
        "release  time                       who  commit  changed",
        "3        2026-12-03T00:00:00+00:00  a@b  abc     roll-back to 1",
        "                                                 one:v1-a",
        "                                                 site:v1-a",
        "                                                 nginx:1.30 fedcba987654",
        "2        2026-12-02T00:00:00+00:00  a@b  abc     cannot be put back: one:v1-b is gone",
        "                                                 cannot be put back: site:v1-b is gone",
        "                                                 one:v1-b",
        "                                                 site:v1-b",
        "1        2026-12-01T00:00:00+00:00  a@b  abc     one:v1-a",
        "                                                 site:v1-a",
        "                                                 nginx:1.30 0123456789ab",
    ]
