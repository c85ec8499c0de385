// Draw the system: its containers, their names, and the path of each call.

import { drawnToWidth, svg } from "./element.js";

const LINE = 19;
const PAD = 14;
const WIDE = 760;
const REPLICAS = 4;
const CHARACTER = 7.25;
const PULSE_MS = 500;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function picture(figure, system) {
  const pulses = new Map();
  let width = 0;

  function update() {
    if (!width) return;
    const layout = (width < WIDE ? tall : wide)(system, width);
    figure.replaceChildren(drawn(system, layout, width, pulses));
  }

  drawnToWidth(figure, (now) => {
    width = now;
    update();
  });

  function pulse(service) {
    if (still.matches) return;
    const there = [{ strokeDashoffset: 10 }, { strokeDashoffset: -100 }];
    const frames = service.lit === "ok" ? [...there, there[0]] : there;
    const duration = PULSE_MS * (frames.length - 1);
    pulses.get(service)?.animate(frames, { duration, easing: "ease-in-out" });
  }

  return { update, pulse };
}

function heightOf(service) {
  return 2 * PAD + LINE * (2 + Math.max(1, Math.min(REPLICAS, service.replicas.size)));
}

// The wide layout: browser, gateway and services side by side.
function wide({ services }, width) {
  const gap = 18;
  const top = 46;
  const heights = services.map(heightOf);
  const inner = heights.reduce((sum, height) => sum + height + gap, -gap);
  const middle = top + inner / 2;
  const gateway = { x: 208, y: middle - 44, width: 150, height: 88 };
  const ways = [];
  const labels = [];
  const boxes = heights.map((height, index) => {
    const above = heights.slice(0, index).reduce((sum, one) => sum + one + gap, 0);
    const box = { x: width - 270, y: top + above, width: 250, height };
    const y = box.y + height / 2;
    const bend = (gateway.x + gateway.width + box.x) / 2;
    ways.push(`M136 ${middle}H${gateway.x + gateway.width}C${bend} ${middle} ${bend} ${y} ${box.x} ${y}`);
    // Outside of the curve, so that the line does not cross the label.
    labels.push({ x: box.x - 10, y: y > middle + 1 ? y + 19 : y - 9, "text-anchor": "end" });
    return box;
  });
  return {
    height: top + inner + 22,
    inset: 24,
    network: { x: 184, y: 1, width: width - 185, height: top + inner + 20 },
    browser: { x: 1, y: middle - 34, width: 135, height: 68 },
    gateway,
    boxes,
    entry: `M136 ${middle}H${gateway.x}`,
    bend: 20,
    ways,
    labels,
  };
}

// The narrow layout: one below the other, connected by a line on the left.
function tall({ services }, width) {
  const rail = 30;
  const gateway = { x: 14, y: 146, width: width - 28, height: 88 };
  let y = gateway.y + gateway.height;
  const ways = [];
  const labels = [];
  const boxes = services.map((service) => {
    y += 34;
    const box = { x: 50, y, width: width - 64, height: heightOf(service) };
    const middle = y + box.height / 2;
    ways.push(`M${rail} 69V${middle - 12}Q${rail} ${middle} ${rail + 12} ${middle}H${box.x}`);
    labels.push({ x: 52, y: y - 9 });
    y += box.height;
    return box;
  });
  return {
    height: y + 20,
    inset: rail + 16,
    network: { x: 1, y: 104, width: width - 2, height: y - 86 },
    browser: { x: 1, y: 1, width: width - 2, height: 68 },
    gateway,
    boxes,
    entry: `M${rail} 69V${gateway.y}`,
    bend: 14,
    ways,
    labels,
  };
}

// The arrow from one service's box to another's, on the right of both.
function arrow(from, to, bend) {
  const x = from.x + from.width;
  const start = from.y + from.height / 2 + 6; // apart from an arrow of the other direction
  const end = to.y + to.height / 2 - 6;
  return `M${x} ${start}C${x + bend} ${start} ${x + bend} ${end} ${x} ${end}m6 -4l-6 4l6 4`;
}

// Whatever can be called: its wire, and the whole way of a call.
function waysOf({ services, chains }, { ways, boxes, bend }) {
  const box = (service) => boxes[services.indexOf(service)];
  const further = chains.map((chain) => {
    const wire = chain.called.map((to) => arrow(box(chain.caller), box(to), bend)).join("");
    return [chain, wire, ways[services.indexOf(chain.caller)] + wire];
  });
  return [...services.map((service, index) => [service, ways[index], ways[index]]), ...further];
}

function drawn(system, layout, width, pulses) {
  const { gateway, services } = system;
  const { network, labels } = layout;
  const reach = (whole) => (gateway.health === "down" ? layout.entry : whole);
  return svg(
    "svg",
    { width, height: layout.height, role: "img", "aria-label": inWords(system) },
    svg("rect", { class: "network", rx: 16, ...network }),
    svg(
      "text",
      { class: "quiet", x: network.x + layout.inset, y: network.y + 26 },
      cut(`network ${system.network}`, network.width - layout.inset),
    ),
    ...waysOf(system, layout)
      .sort(([one], [other]) => one.turn - other.turn)
      .map(([called, wire, whole]) => way(called, wire, reach(whole), pulses)),
    ...services.map((service, index) =>
      svg("text", { class: "label", ...labels[index] }, service.prefix),
    ),
    node(layout.browser, "your browser", [system.client ?? "you"]),
    node(
      layout.gateway,
      "gateway",
      [`${gateway.container}:${gateway.port}`, gateway.address ?? "not called yet"],
      gateway.health,
    ),
    ...services.map((service, index) => serviceNode(service, layout.boxes[index])),
  );
}

// `d` is the connection, `reach` the way that a call gets.
function way(service, d, reach, pulses) {
  // Reused when the drawing is updated, so that its animation continues.
  const pulse = pulses.get(service) ?? svg("path", { class: "pulse", pathLength: 100 });
  pulse.setAttribute("d", reach);
  pulses.set(service, pulse);
  return svg(
    "g",
    { class: `way hue-${service.hue}`, "data-lit": service.lit, "data-health": service.health },
    svg("path", { class: "wire", d }),
    svg("path", { class: "light", d: reach }),
    pulse,
  );
}

function serviceNode(service, box) {
  const replicas = shownReplicas(service).map(
    ([name, address]) => `${name === service.latest ? "●" : "○"} ${name} ${address}`,
  );
  const lines = [`${service.container}:${service.port}`, ...replicas];
  return node(box, service.name, lines, service.health, `hue-${service.hue}`);
}

// The first few replicas, and always the one that answered last.
function shownReplicas({ replicas, latest }) {
  const all = [...replicas];
  const first = all.slice(0, REPLICAS);
  if (!latest || first.some(([name]) => name === latest)) return first;
  return [...first.slice(0, -1), [latest, replicas.get(latest)]];
}

function node(box, title, lines, health = "", more = "") {
  const room = box.width - 2 * PAD;
  const texts = lines.map((line, index) =>
    svg(
      "text",
      { class: index ? "quiet" : "mono", x: box.x + PAD, y: box.y + PAD + LINE * (index + 1.75) },
      cut(line, room),
    ),
  );
  const state = { x: box.x + box.width - PAD, y: box.y + PAD + LINE * 0.75, "text-anchor": "end" };
  return svg(
    "g",
    { class: `node ${more}`, "data-health": health },
    svg("rect", { rx: 10, ...box }),
    svg(
      "text",
      { class: "title", x: box.x + PAD, y: box.y + PAD + LINE * 0.75 },
      cut(title, health ? room - 40 : room),
    ),
    svg("text", { class: "state", ...state }, health === "unknown" ? "…" : health),
    ...texts,
  );
}

function cut(text, room) {
  const most = Math.floor(room / CHARACTER);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function inWords({ gateway, network, services, chains }) {
  const each = services.map(
    ({ name, container, port, prefix, health }) =>
      `${prefix} to ${name}, reached as ${container} on port ${port}, ${
        health === "unknown" ? "not seen" : health
      }`,
  );
  const calls = chains.map(
    ({ caller, called }) =>
      ` ${caller.name} calls ${called.map(({ name }) => name).join(" and ")}, through the gateway.`,
  );
  const state = gateway.health === "down" ? ", which does not answer" : "";
  return (
    `The system: your browser asks the gateway, ${gateway.container}${state}. ` +
    `On the network ${network} it passes on ${each.join("; ")}.${calls.join("")}`
  );
}
