// Reads a list of {payload, headers, secret} as JSON on stdin and verifies each with both official packages.
// Prints a list of [stripe accepts, standardwebhooks accepts].

import {readFileSync} from 'node:fs';
import {Webhook} from 'standardwebhooks';
import Stripe from 'stripe';

const stripe = new Stripe('sk_test_signatures_need_no_key');

function accepts(verify) {
  try {
    verify();
    return true;
  } catch {
    return false;
  }
}

const given = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(given.map(({payload, headers, secret}) => [
  accepts(() => stripe.webhooks.constructEvent(payload, headers['stripe-signature'], secret)),
  accepts(() => new Webhook(secret).verify(payload, headers)),
])));
