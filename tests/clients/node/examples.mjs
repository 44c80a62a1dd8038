// Runs expressions over the official npm package: one JSON string a line in, one JSON line with the outcome out.
// Takes HAZINA_URL and HAZINA_SECRET_KEY. The expressions are the examples of docs/reference/api.

import {createInterface} from 'node:readline';
import Stripe from 'stripe';

const {hostname: host, port, protocol} = new URL(process.env.HAZINA_URL);
const options = {host, port, protocol: protocol.slice(0, -1), maxNetworkRetries: 0, telemetry: false};
const stripe = new Stripe(process.env.HAZINA_SECRET_KEY, options);
const AsyncFunction = (async () => {}).constructor;

for await (const line of createInterface({input: process.stdin})) {
  try {
    await new AsyncFunction('stripe', `return ${JSON.parse(line)}`)(stripe);
    console.log(JSON.stringify({ok: true}));
  } catch (problem) {
    console.log(JSON.stringify({ok: false, error: problem.message}));
  }
}
