// Prints the HTTP Observatory's score of each path of a host, also of errors, which its own command refuses.
import dns from "node:dns";

const PACKAGE = "@mdn/mdn-http-observatory/src";
const [host, address, ...paths] = process.argv.slice(2);

// The host's name is in no DNS.
const lookup = dns.lookup;
dns.lookup = (name, options, callback) => {
  if (typeof options === "function") [options, callback] = [{}, options];
  if (name !== host) return lookup(name, options, callback);
  const found = { address, family: 4 };
  return options.all ? callback(null, [found]) : callback(null, found.address, found.family);
};

const { retrieve } = await import(`${PACKAGE}/retriever/retriever.js`);
const { ALL_TESTS } = await import(`${PACKAGE}/constants.js`);
const { getGradeForScore, getScoreModifier } = await import(`${PACKAGE}/grader/grader.js`);

for (const path of paths) {
  const found = await retrieve(`${host}${path}`);
  const results = ALL_TESTS.map((test) => test(found));
  const score = results.reduce((sum, one) => sum + getScoreModifier(one.result), 100);
  const failed = results.filter((one) => !one.pass).map((one) => one.result);
  const { status } = found.responses.auto;
  console.log(JSON.stringify({ path, status, ...getGradeForScore(score), failed }));
}
