// Reads {payload, header, secret} as JSON on stdin and verifies the webhook with the official package.
// Prints the event's id and type; ends with code 1 when the signature is refused.

import {readFileSync} from 'node:fs';
import Stripe from 'stripe';

const {payload, header, secret} = JSON.parse(readFileSync(0, 'utf8'));
try {
  const stripe = new Stripe('sk_test_signatures_need_no_key');
  const event = stripe.webhooks.constructEvent(payload, header, secret);
  console.log(JSON.stringify({ok: true, id: event.id, type: event.type}));
} catch (refusal) {
  console.log(JSON.stringify({ok: false, error: refusal.type ?? refusal.name, message: refusal.message}));
  process.exitCode = 1;
}
