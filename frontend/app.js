// The page: for each service a card, a button and a node in the drawing.

import { ask, isHealthy } from "./ask.js";
import { card } from "./card.js";
import { watch } from "./health.js";
import { history } from "./history.js";
import { picture } from "./picture.js";

const LIT_MS = 3_000;
const HUES = 6;
const place = (id) => document.getElementById(id);

function asService(row, index) {
  const words = row.call.replace(/[/_]+/g, " ").trim();
  return {
    ...row,
    id: `service-${row.name}`,
    hue: index % HUES,
    path: row.prefix + row.call.replace(/^\//, ""),
    text: `call ${words || row.name}`,
    health: "unknown",
    lit: "idle",
    turn: 0,
    replicas: new Map((row.replicas ?? []).map((name) => [name, ""])),
  };
}

// The calls of a service to others: a way in the drawing, and a card if a button can make them.
function asChain(caller, index, services) {
  const called = services.filter(({ name }) => caller.calls.includes(name));
  const name = [caller, ...called].map((service) => service.name).join(" → ");
  const chain = asService({ ...caller, name, call: caller.chain, replicas: [] }, index);
  return { ...chain, id: `calls-of-${caller.name}`, health: "none", caller, called };
}

function start(topology) {
  const services = topology.services.map(asService);
  const chains = services.map(asChain).filter(({ called }) => called.length);
  const system = { ...topology, services, chains };
  const drawing = picture(place("picture"), system);
  const calls = history(place("history"));
  const callable = [...services, ...chains.filter(({ chain }) => chain)];
  const cards = new Map(callable.map((one) => [one, card(one, () => call(one))]));
  place("services").append(...[...cards.values()].map(({ element }) => element));
  const lookSoon = watch(lookAround);
  let turns = 0;

  function show(service) {
    cards.get(service).update();
    drawing.update();
  }

  function setHealth(service, health) {
    if (service.health === health) return false;
    if (health === "down") place("news").textContent = `${service.name} is down`;
    if (health === "up" && service.health === "down") {
      place("news").textContent = `${service.name} is back`;
    }
    service.health = health;
    show(service);
    return true;
  }

  function setGateway(health) {
    if (system.gateway.health === health) return;
    if (health === "down") place("news").textContent = "The gateway does not answer";
    system.gateway.health = health;
    drawing.update();
  }

  // Update the health of gateway and service from a result. Returns whether a service's may differ.
  function learn(service, result) {
    const unreached = result.error?.name === "TypeError";
    setGateway(unreached ? "down" : "up");
    // The failure of a chain does not say which of its services is down.
    return service.called ? !result.good : setHealth(service, result.health);
  }

  async function lookAround() {
    const looks = system.services.map(async (service) => {
      const result = await ask(`${service.prefix}healthz`, service.timeout);
      if (result.health === "up" && !isHealthy(result)) result.health = "down";
      return learn(service, result);
    });
    return (await Promise.all(looks)).includes(true);
  }

  function light(service, lit) {
    service.lit = lit;
    const { turn } = service;
    show(service);
    if (lit === "busy") return;
    drawing.pulse(service);
    setTimeout(() => {
      if (service.turn !== turn) return;
      service.lit = "idle";
      show(service);
    }, LIT_MS);
  }

  async function call(service) {
    service.turn = ++turns;
    light(service, "busy");
    const result = await ask(service.path, service.timeout);
    const { good, error, answer, status, trace } = result;
    (good ? console.log : console.error)(error ?? answer ?? `status ${status}`);
    if (trace) {
      const answering = service.caller ?? service;
      answering.replicas.set(trace.instance, trace.address[0]);
      answering.latest = trace.instance;
      system.gateway.address = trace.client[0];
      system.client = trace.headers["x-real-ip"];
    }
    cards.get(service).tell(result);
    calls.add(service, result);
    if (learn(service, result)) lookSoon();
    light(service, good ? "ok" : "failed");
  }
}

async function load() {
  const response = await fetch("topology.json", { cache: "no-cache" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

try {
  start(await load());
} catch (error) {
  console.error(error);
  place("problem").textContent =
    `The gateway did not say what there is to call (${error.message}). Reload the page to try again.`;
  place("problem").hidden = false;
}
