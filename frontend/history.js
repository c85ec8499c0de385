// The durations of the latest calls, as a chart and as a table.

import { drawnToWidth, html, svg } from "./element.js";

const SHOWN = 30;
const ROWS = 6;
const HEIGHT = 150;
const LEFT = 52;
const TOP = 14;
const BASE = HEIGHT - 10;

export function history(section) {
  const chart = section.querySelector("#chart");
  const body = section.querySelector("tbody");
  const calls = [];
  let width = 0;

  function draw() {
    if (width && calls.length) chart.replaceChildren(chartOf(calls.slice(-SHOWN), width));
  }

  drawnToWidth(chart, (now) => {
    width = now;
    draw();
  });

  function add(service, result) {
    calls.push({ service, ...result, at: new Date() });
    section.hidden = false;
    body.replaceChildren(...calls.slice(-ROWS).reverse().map(row));
    draw();
  }

  return { add };
}

function row({ service, at, status, error, good, trace, ms }) {
  const cells = [at.toLocaleTimeString(), name(service), status ?? error.name, milliseconds(ms)];
  const by = trace?.instance ?? (error ? "nobody" : "the gateway");
  const attributes = { "data-state": good ? "ok" : "failed" };
  return html("tr", attributes, ...[...cells, by].map((cell) => html("td", {}, cell)));
}

function name(service) {
  return html("span", { class: `dotted hue-${service.hue}` }, service.name);
}

function milliseconds(ms) {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function chartOf(calls, width) {
  const top = ceiling(Math.max(...calls.map(({ ms }) => ms)));
  const height = (ms) => BASE - (ms / top) * (BASE - TOP);
  const step = (width - LEFT - 12) / SHOWN;
  return svg(
    "svg",
    { width, height: HEIGHT, role: "img", "aria-label": summary(calls) },
    ...[0, top / 2, top].map((ms) => gridLine(ms, height(ms), width)),
    ...calls.map((call, index) => mark(call, LEFT + 12 + index * step, height(call.ms))),
  );
}

function gridLine(ms, y, width) {
  const line = svg("line", { x1: LEFT, x2: width, y1: y, y2: y });
  const text = svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, `${ms} ms`);
  return svg("g", { class: "grid" }, line, text);
}

function mark({ service, good }, x, y) {
  const stem = svg("line", { class: "stem", x1: x, x2: x, y1: BASE, y2: y });
  const cross = `M${x - 4} ${y - 4}l8 8m0-8l-8 8`;
  const head = good
    ? svg("circle", { cx: x, cy: y, r: 4 })
    : svg("path", { class: "cross", d: cross });
  return svg("g", { class: `mark hue-${service.hue}` }, stem, head);
}

// Round up to 1, 2, 5, 10, 20, 50 and so on, but at least to 10 ms.
function ceiling(ms) {
  const power = 10 ** Math.floor(Math.log10(Math.max(ms, 10)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= ms) ?? 10;
}

function summary(calls) {
  const times = calls.map(({ ms }) => ms).sort((one, other) => one - other);
  const failed = calls.filter(({ good }) => !good).length;
  const middle = milliseconds(times[Math.floor(times.length / 2)]);
  return `How long the last ${calls.length} calls took: ${milliseconds(times[0])} to ${milliseconds(
    times.at(-1),
  )}, the median ${middle}; ${failed} failed.`;
}
