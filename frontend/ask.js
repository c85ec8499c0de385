// Send a request to a service, through the gateway that served the page.

const OK = 2000;
const FINDING_MS = 5_000; // what the gateway takes at most to find a replica
// Statuses with which the gateway reports that a service is down.
const DOWN = [502, 503, 504];

// `timeout`: the seconds that the gateway waits for the service's answer.
export async function ask(path, timeout) {
  const started = performance.now();
  const options = {
    headers: { "X-Trace": "1" },
    cache: "no-store",
    signal: AbortSignal.timeout(FINDING_MS + 1000 * timeout),
  };
  try {
    const response = await fetch(path, options);
    const answer = parsed(await response.text());
    const { status } = response;
    return {
      status,
      answer,
      trace: parsed(response.headers.get("X-Trace")),
      good: status === 200 && answer?.Code === OK,
      health: DOWN.includes(status) ? "down" : "up",
      ms: performance.now() - started,
    };
  } catch (error) {
    return { error, good: false, health: "unknown", ms: performance.now() - started };
  }
}

export function isHealthy({ health, status }) {
  return health === "up" && status === 200;
}

export function described({ error, status, answer, ms }) {
  const took = `${Math.round(ms)} ms`;
  if (error) return `no answer (${error.name}), ${took}`;
  const message = answer === null ? "the answer is not JSON" : `${answer.Code} ${answer.Message}`;
  return `${message}, status ${status}, ${took}`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
