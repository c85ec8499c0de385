// The card of a service: its route, its button, the answer, and what the service received.

import { described } from "./ask.js";
import { html } from "./element.js";

const HEALTH = { unknown: "not seen", up: "up", down: "down" };
const HEADERS = {
  host: "Host",
  "x-real-ip": "X-Real-IP",
  "x-forwarded-for": "X-Forwarded-For",
  "x-request-id": "X-Request-ID",
  "x-service": "X-Service",
};

export function card(service, onCall) {
  const title = html("h2", { id: service.id }, service.name);
  const health = html("span", { class: "health" });
  const target = `${service.container}:${service.port}${service.call}`;
  const further = (service.called ?? []).map(({ container, port }) => `${container}:${port}`);
  const stops = [target, ...further].flatMap((stop) => [" → ", html("code", {}, stop)]);
  const route = html("p", { class: "route" }, html("code", {}, service.path), ...stops);
  const button = html("button", { type: "button" }, service.text);
  const output = html("output", { "aria-live": "polite", "data-state": "idle" }, "not called yet");
  const seen = html("dl", { hidden: "" });
  const element = html(
    "section",
    { class: `service hue-${service.hue}`, "aria-labelledby": title.id },
    html("div", { class: "head" }, title, ...(service.called ? [] : [health])),
    route,
    button,
    output,
    seen,
  );

  button.addEventListener("click", () => {
    if (service.lit !== "busy") onCall();
  });

  function update() {
    element.dataset.health = service.health;
    health.textContent = HEALTH[service.health];
    button.setAttribute("aria-busy", String(service.lit === "busy"));
  }

  function tell(result) {
    output.dataset.state = result.good ? "ok" : "failed";
    output.textContent = `${result.good ? "" : "Failed: "}${described(result)}`;
    seen.replaceChildren(...facts(service, result).flatMap(([term, text]) => row(term, text)));
    seen.hidden = false;
  }

  update();
  return { element, update, tell };
}

function facts({ container }, { trace, error }) {
  if (error) return [["answered by", "nobody"]];
  if (!trace) return [["answered by", `the gateway; ${container} did not`]];
  return [
    ["answered by", trace.instance],
    ["its address", trace.address[0]],
    ["asked from", trace.client[0]],
    ["path", trace.path],
    ...Object.entries(trace.headers).map(([key, value]) => [HEADERS[key] ?? key, value]),
  ];
}

function row(term, text) {
  return [html("dt", {}, term), html("dd", {}, text)];
}
