"""The page in a real browser, served by the real gateway."""

import json
import re
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Route,
    expect,
)

from tests.support import chromium
from tests.support.deployment import Deployment
from topology import SERVICES

HELLO = {"Code": 2000, "Message": "Hello Microservice1"}
WHO = {"Code": 2000, "Message": "I am yizhigopher!"}
INTRODUCED = {"Code": 2000, "Message": "Hello Microservice1, I am yizhigopher!"}
BAD_GATEWAY = {"Code": 5020, "Message": "Bad Gateway"}
THIRD = {
    "name": "third",
    "container": "router_three",
    "prefix": "/third/",
    "port": 9000,
    "call": "/",
    "timeout": 5,
    "calls": [],
    "chain": "",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.started() as one:
        yield one


def _logs_a_value(message: ConsoleMessage) -> bool:
    """Not so the browser's own line about a request that failed."""
    return bool(message.args)


class Visit:
    """The page, with what it logged and which hosts it asked."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.logged: list[ConsoleMessage] = []
        self.hosts: set[str] = set()
        page.on("console", lambda message: self.logged.append(message))  # noqa: PLW0108  Playwright marks the handler, and a builtin takes no mark
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def open(self) -> None:
        self.page.goto(self.url)
        expect(self.page.get_by_role("button")).not_to_have_count(0)

    def click(self, button: str) -> tuple[str, object]:
        """Clicks, and returns what the page then logs of it: the kind and the value."""
        with self.page.expect_console_message(_logs_a_value, timeout=20_000) as logged:
            self.page.get_by_role("button", name=button, exact=True).click()
        return logged.value.type, logged.value.args[0].json_value()

    def card(self, button: str) -> Locator:
        return self.page.locator("section").filter(has_text=button)

    def expect_output(self, button: str, text: str) -> None:
        output = self.card(button).locator("output")
        expect(output).to_have_text(re.compile(text), timeout=20_000)
        expect(output).to_have_attribute("aria-live", "polite")

    def expect_health(self, button: str, health: str) -> None:
        expect(self.card(button).locator(".health")).to_have_text(health, timeout=40_000)

    def picture(self) -> Locator:
        return self.page.get_by_role("img", name="The system")

    def expect_picture(self, *words: str) -> None:
        for word in words:
            name = re.compile(re.escape(word))
            expect(self.picture()).to_have_attribute("aria-label", name, timeout=40_000)

    def expect_news(self, text: str) -> None:
        expect(self.page.get_by_role("status").last).to_have_text(text, timeout=40_000)

    def with_a_third_service(self, status: int, answer: dict[str, object]) -> None:
        """As if the table had a third row, which answers so."""

        def topology(route: Route) -> None:
            table = route.fetch().json()
            route.fulfill(json={**table, "services": [*table["services"], THIRD]})

        self.page.route("**/topology.json", topology)
        self.page.route("**/third/**", lambda route: route.fulfill(status=status, json=answer))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    one = browser.new_page()
    yield one
    one.close()


@pytest.fixture
def visit(page: Page, deployment: Deployment) -> Visit:
    one = Visit(page, deployment.url + "/")
    one.open()
    return one


@pytest.mark.parametrize(
    ("button", "answer"),
    [("call say hello", HELLO), ("call who am i", WHO), ("call introduce", INTRODUCED)],
    ids=["one", "two", "chain"],
)
def test_a_button_shows_and_logs_the_answer(
    visit: Visit, button: str, answer: dict[str, object]
) -> None:
    assert visit.logged == []
    assert visit.click(button) == ("log", answer)
    visit.expect_output(button, rf"^2000 {answer['Message']}, status 200, \d+ ms$")
    assert len(visit.logged) == 1


def test_the_keyboard_is_enough(visit: Visit) -> None:
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    visit.expect_output("call say hello", "status 200")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Space")
    visit.expect_output("call who am i", "status 200")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    visit.expect_output("call introduce", "status 200")


def test_no_other_host_is_asked(visit: Visit) -> None:
    visit.click("call say hello")
    visit.click("call who am i")
    assert visit.hosts == {urlsplit(visit.url).netloc}


def test_the_picture_is_the_deployment(visit: Visit, deployment: Deployment) -> None:
    visit.expect_picture(f"On the network {deployment.config['networkName']}")
    for service in SERVICES:
        visit.expect_picture(
            f"{service.prefix} to {service.name}, "
            f"reached as {service.container} on port {service.port}, up"
        )


def test_a_call_between_services_is_drawn_and_said(visit: Visit) -> None:
    visit.expect_picture("microservice1 calls microservice2, through the gateway.")
    expect(visit.page.get_by_role("region", name="microservice1 → microservice2")).to_be_visible()
    lit = visit.picture().locator(".way[data-lit=ok]")
    visit.page.clock.install()
    visit.click("call introduce")
    expect(lit).to_have_count(1)
    wire, light = (lit.locator(part).get_attribute("d") or "" for part in (".wire", ".light"))
    assert wire
    assert light.endswith(wire)
    assert light.startswith("M136 ")  # from the browser on
    visit.page.clock.run_for(3_000)
    expect(lit).to_have_count(0)


def test_what_fails_behind_a_service_is_not_held_against_it(
    visit: Visit, deployment: Deployment
) -> None:
    deployment.stop("microservice2")
    try:
        assert visit.click("call introduce") == ("error", BAD_GATEWAY)
        visit.expect_output("call introduce", r"^Failed: 5020 Bad Gateway, status 502, \d+ ms$")
        visit.expect_health("call who am i", "down")
        visit.expect_health("call say hello", "up")
    finally:
        deployment.start("microservice2")
    visit.expect_health("call who am i", "up")


def test_a_call_shows_what_the_service_saw(visit: Visit, deployment: Deployment) -> None:
    visit.click("call say hello")
    expect(
        visit.picture().get_by_text(f"● router_one {deployment.address('microservice1')}")
    ).to_be_visible()
    expect(visit.picture().get_by_text(deployment.address("frontend"))).to_be_visible()
    terms = visit.card("call say hello").locator("dt").all_text_contents()
    values = visit.card("call say hello").locator("dd").all_text_contents()
    seen = dict(zip(terms, values, strict=True))
    assert seen.pop("X-Real-IP") == seen.pop("X-Forwarded-For")
    assert re.fullmatch("[0-9a-f]{32}", seen.pop("X-Request-ID"))
    assert seen == {
        "answered by": "router_one",
        "its address": deployment.address("microservice1"),
        "asked from": deployment.address("frontend"),
        "path": "/say_hello",
        "Host": urlsplit(deployment.url).netloc,
        "X-Service": "microservice1",
    }


def test_a_call_lights_its_way(visit: Visit) -> None:
    visit.page.clock.install()
    lit = visit.picture().locator(".way[data-lit=ok]")
    expect(lit).to_have_count(0)
    visit.click("call who am i")
    expect(lit).to_have_class("way hue-1")
    visit.page.clock.run_for(3_000)
    expect(lit).to_have_count(0)


def test_the_calls_are_a_table_and_a_chart(visit: Visit) -> None:
    rows = visit.page.get_by_role("table", name="The latest calls").locator("tbody tr")
    chart = visit.page.get_by_role("img", name="How long the last 3 calls took")
    expect(rows).to_have_count(0)
    visit.click("call say hello")
    visit.click("call who am i")
    visit.page.route("**/api/v1/say_hello", lambda route: route.abort())
    visit.click("call say hello")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_have_text(re.compile("microservice1TypeError.* msnobody"))
    expect(rows.nth(1)).to_have_text(re.compile("microservice2200.* msrouter_two"))
    expect(chart).to_have_attribute("aria-label", re.compile("1 failed"))
    expect(chart.locator(".mark")).to_have_count(3)


def test_a_service_that_is_down_is_shown_as_a_failure_and_comes_back_by_itself(
    visit: Visit, deployment: Deployment
) -> None:
    deployment.stop("microservice1")
    try:
        assert visit.click("call say hello") == ("error", BAD_GATEWAY)
        visit.expect_output("call say hello", r"^Failed: 5020 Bad Gateway, status 502, \d+ ms$")
        visit.expect_health("call say hello", "down")
        visit.expect_health("call who am i", "up")
        visit.expect_news("microservice1 is down")
        visit.expect_picture("port 8080, down; ")
    finally:
        deployment.start("microservice1")
    visit.expect_news("microservice1 is back")
    visit.expect_health("call say hello", "up")
    visit.click("call say hello")
    visit.expect_output("call say hello", "^2000 .*status 200")


def bad_gateway(route: Route) -> None:
    route.fulfill(status=502, json=BAD_GATEWAY)


def test_a_service_that_goes_down_is_seen_without_a_call(visit: Visit) -> None:
    visit.expect_health("call who am i", "up")
    visit.page.route("**/api/v2/healthz", bad_gateway)
    visit.expect_news("microservice2 is down")
    visit.expect_health("call who am i", "down")
    visit.page.unroute("**/api/v2/healthz", bad_gateway)
    visit.expect_news("microservice2 is back")


def test_a_third_service_shows_up_by_itself(page: Page, deployment: Deployment) -> None:
    visit = Visit(page, deployment.url + "/")
    visit.with_a_third_service(200, {"Code": 2000, "Message": "Here"})
    visit.open()
    visit.expect_picture("/third/ to third, reached as router_three on port 9000, up")
    assert visit.click("call third") == ("log", {"Code": 2000, "Message": "Here"})
    visit.expect_output("call third", r"^2000 Here, status 200, \d+ ms$")


def test_a_gateway_that_is_gone_is_said_so(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    assert visit.click("call say hello")[0] == "error"
    visit.expect_output("call say hello", r"^Failed: no answer \(TypeError\), \d+ ms$")
    visit.expect_news("The gateway does not answer")
    visit.expect_picture("frontend, which does not answer")
    visit.page.context.set_offline(False)
    visit.expect_health("call say hello", "up")


def test_without_the_table_the_page_says_what_is_wrong(page: Page, deployment: Deployment) -> None:
    page.route("**/topology.json", lambda route: route.fulfill(status=404))
    page.goto(deployment.url + "/")
    expect(page.get_by_role("alert")).to_contain_text("(status 404)")


def test_without_scripts_the_page_says_so(browser: Browser, deployment: Deployment) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(deployment.url + "/")
        expect(page.locator("noscript p")).to_be_visible()


def test_health_is_asked_ever_more_seldom_and_only_while_seen(
    page: Page, deployment: Deployment
) -> None:
    page.clock.install(time=0)
    page.goto(deployment.url + "/favicon.svg")
    page.evaluate(WATCH)
    page.clock.run_for(100_000)
    assert gaps(page) == [3000, 4500, 6750, 10125, 15188, 22781, 30000]
    page.evaluate("globalThis.hide(true)")
    page.clock.run_for(100_000)
    assert gaps(page) == []
    page.evaluate("globalThis.hide(false)")
    page.clock.run_for(8_000)
    assert gaps(page) == [3000, 4500]
    page.evaluate("globalThis.news = true")
    page.clock.run_for(15_000)
    assert gaps(page)[-3:] == [2000, 2000, 2000]


WATCH = """async () => {
  const { watch } = await import("/health.js");
  Object.assign(globalThis, { at: [], news: false });
  globalThis.hide = (hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  };
  watch(async () => {
    at.push(Date.now());
    return news;
  });
}"""


def gaps(page: Page) -> list[int]:
    """Between the looks since this was asked last."""
    at = page.evaluate("at.splice(0)")
    return [round(later - earlier) for earlier, later in pairwise(at)]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_who_wants_no_motion(
    browser: Browser, deployment: Deployment, motion: Literal["reduce", "no-preference"]
) -> None:
    with browser.new_context(reduced_motion=motion) as context:
        visit = Visit(context.new_page(), deployment.url + "/")
        visit.open()
        visit.page.clock.install()  # stops the page's timers, so that the light stays on
        visit.click("call say hello")
        expect(visit.picture().locator(".way[data-lit=ok]")).to_have_count(1)
        moving = visit.page.evaluate("document.getAnimations().length")
        assert (moving > 0) == (motion == "no-preference")


def failed(visit: Visit) -> None:
    visit.with_a_third_service(502, BAD_GATEWAY)
    visit.open()
    visit.click("call third")
    visit.expect_health("call third", "down")


def called(visit: Visit) -> None:
    visit.open()
    visit.click("call say hello")
    visit.expect_output("call say hello", "status 200")


def gone(visit: Visit) -> None:
    visit.page.route("**/topology.json", lambda route: route.fulfill(status=404))
    visit.page.goto(visit.url)
    expect(visit.page.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize("state", [Visit.open, called, failed, gone])
@pytest.mark.parametrize("width", [1100, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_and_nothing_scrolls_sideways(
    browser: Browser,
    deployment: Deployment,
    scheme: Literal["light", "dark"],
    width: int,
    state: Callable[[Visit], None],
) -> None:
    with browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    ) as context:
        visit = Visit(context.new_page(), deployment.url + "/")
        state(visit)
        assert barriers(visit.page) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def barriers(page: Page) -> list[str]:
    page.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [f"{one['id']}: {json.dumps([node['html'] for node in one['nodes']])}" for one in found]
