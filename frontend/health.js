// Check the services while the page is visible: often after a change, then less and less often.

const SOONEST_MS = 2_000;
const LATEST_MS = 30_000;
const SLOWER = 1.5;

// `look` returns a promise of whether anything has changed. Returns a function to check again soon.
export function watch(look) {
  let delay = SOONEST_MS;
  let timer;

  function plan(ms) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(run, ms);
  }

  async function run() {
    delay = (await look()) ? SOONEST_MS : Math.min(delay * SLOWER, LATEST_MS);
    plan(delay);
  }

  document.addEventListener("visibilitychange", () => {
    delay = SOONEST_MS;
    plan(0);
  });
  plan(0);
  return () => plan((delay = SOONEST_MS));
}
