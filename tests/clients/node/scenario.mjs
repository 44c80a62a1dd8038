// Drives every payment flow through the official npm package, unmodified.
// Takes HAZINA_URL and HAZINA_SECRET_KEY; prints one JSON line per step; ends with code 1 when one does not hold.
// The steps have the names in ../steps.json; the Python packages run the same ones.

import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import Stripe from 'stripe';
import {answerChallenge} from './cardholder.mjs';

const RETURN_URL = 'http://127.0.0.1:9/merchant/return';
const POLLS_MAX = 60;
const POLL_MILLISECONDS = 250;

const server = new URL(process.env.HAZINA_URL);
const stripe = new Stripe(process.env.HAZINA_SECRET_KEY, {
  host: server.hostname,
  port: server.port,
  protocol: server.protocol.slice(0, -1),
  // Retries inside the package would hide an answer that should never have been given.
  maxNetworkRetries: 0,
  telemetry: false,
});
const intents = stripe.paymentIntents;
const seen = {};

const steps = {
  async account() {
    const account = await stripe.accounts.retrieveCurrent();
    assert.match(account.id, /^acct_/);
    return {account: account.id};
  },

  async payment_method() {
    const method = await stripe.paymentMethods.retrieve('pm_card_visa');
    assert.deepEqual([method.type, method.card.brand, method.card.last4], ['card', 'visa', '4242']);
    return {payment_method: method.id};
  },

  async automatic_capture() {
    const paid = await settled(await pay({amount: 2000}), 'succeeded');
    assert.deepEqual([paid.amount_received, paid.amount_capturable], [2000, 0]);
    const expand = ['latest_charge.balance_transaction', 'payment_method'];
    const whole = await intents.retrieve(paid.id, {expand});
    const charge = whole.latest_charge;
    assert.deepEqual([charge.paid, charge.captured, charge.status], [true, true, 'succeeded']);
    assert.equal(charge.amount_captured, 2000);
    const entry = charge.balance_transaction;
    assert.deepEqual([entry.amount, entry.net], [2000, entry.amount - entry.fee]);
    assert.equal(whole.payment_method.card.last4, '4242');
    Object.assign(seen, {intent: paid.id, charge: charge.id, entry: entry.id});
    return {payment_intent: paid.id, charge: charge.id};
  },

  async manual_partial_capture() {
    const made = await pay({amount: 5000, payment_method: 'pm_card_mastercard', capture_method: 'manual'});
    const held = await settled(made, 'requires_capture');
    assert.deepEqual([held.amount_capturable, held.amount_received], [5000, 0]);
    const paid = await settled(await intents.capture(held.id, {amount_to_capture: 3000}), 'succeeded');
    assert.deepEqual([paid.amount_capturable, paid.amount_received], [0, 3000]);
    const charge = await stripe.charges.retrieve(paid.latest_charge);
    assert.deepEqual([charge.amount, charge.amount_captured], [5000, 3000]);
    Object.assign(seen, {partialIntent: paid.id, partialCharge: charge.id});
    return {payment_intent: paid.id};
  },

  async partial_refunds() {
    const {partialIntent: payment_intent, partialCharge: charge} = seen;
    const first = await refund({payment_intent, amount: 1000});
    const second = await refund({charge, amount: 500, reason: 'requested_by_customer'});
    const part = await stripe.charges.retrieve(charge);
    assert.deepEqual([part.amount_refunded, part.refunded], [1500, false]);
    const over = await refused('StripeInvalidRequestError', stripe.refunds.create({payment_intent, amount: 1501}));
    assert.equal(over.statusCode, 400);
    const rest = await refund({payment_intent});
    assert.equal(rest.amount, 1500);
    const whole = await stripe.charges.retrieve(charge);
    assert.deepEqual([whole.amount_refunded, whole.refunded], [3000, true]);
    const listed = await stripe.refunds.list({payment_intent});
    assert.deepEqual(ids(listed.data), [rest.id, second.id, first.id]);
    return {refunds: ids([first, second, rest])};
  },

  async three_d_secure_completed() {
    const paid = await settled(await challenged('complete'), 'succeeded');
    assert.deepEqual([paid.amount_received, paid.next_action], [2100, null]);
    return {payment_intent: paid.id};
  },

  async three_d_secure_failed() {
    const failed = await settled(await challenged('fail'), 'requires_payment_method');
    assert.equal(failed.last_payment_error.code, 'payment_intent_authentication_failure');
    assert.equal(failed.amount_received, 0);
    return {payment_intent: failed.id};
  },

  async decline_and_second_try() {
    const made = await intents.create({amount: 2200, currency: 'usd'});
    assert.equal(made.status, 'requires_payment_method');
    const payment_method = 'pm_card_chargeDeclinedInsufficientFunds';
    const attempt = intents.confirm(made.id, {payment_method, return_url: RETURN_URL});
    const declined = await refused('StripeCardError', attempt);
    assert.deepEqual([declined.statusCode, declined.code], [402, 'card_declined']);
    assert.equal(declined.decline_code, 'insufficient_funds');
    assert.equal(declined.payment_intent.status, 'requires_payment_method');
    const after = await intents.retrieve(made.id);
    assert.equal(after.last_payment_error.decline_code, 'insufficient_funds');
    const failed = await stripe.charges.retrieve(after.latest_charge);
    assert.deepEqual([failed.status, failed.paid], ['failed', false]);
    const again = await intents.confirm(made.id, {payment_method: 'pm_card_visa', return_url: RETURN_URL});
    const paid = await settled(again, 'succeeded');
    assert.notEqual(paid.latest_charge, failed.id);
    return {payment_intent: paid.id, failed_charge: failed.id};
  },

  async cancel() {
    const bare = await intents.create({amount: 2300, currency: 'usd'});
    const held = await pay({amount: 2400, capture_method: 'manual'});
    await settled(held, 'requires_capture');
    for (const {id} of [bare, held]) {
      const ended = await settled(await intents.cancel(id, {cancellation_reason: 'abandoned'}), 'canceled');
      assert.deepEqual([ended.cancellation_reason, ended.amount_capturable], ['abandoned', 0]);
      assert.ok(ended.canceled_at);
    }
    await refused('StripeInvalidRequestError', intents.confirm(bare.id));
    return {payment_intents: ids([bare, held])};
  },

  async update_and_metadata() {
    const metadata = {order: '7', colour: 'red'};
    const made = await intents.create({amount: 2500, currency: 'usd', metadata});
    const change = {amount: 2600, description: 'seventh', metadata: {colour: '', size: 'L'}};
    const changed = await intents.update(made.id, change);
    assert.deepEqual([changed.amount, changed.description], [2600, 'seventh']);
    assert.deepEqual({...changed.metadata}, {order: '7', size: 'L'});
    return {payment_intent: made.id};
  },

  async idempotent_replay() {
    const options = {idempotencyKey: `replay-${randomUUID()}`};
    const params = confirmed({amount: 2700});
    const first = await intents.create(params, options);
    const second = await intents.create(params, options);
    assert.equal(second.id, first.id);
    assert.equal(first.lastResponse.headers['idempotent-replayed'], undefined);
    assert.equal(second.lastResponse.headers['idempotent-replayed'], 'true');
    assert.ok(first.lastResponse.requestId);
    await refused('StripeIdempotencyError', intents.create({...params, amount: 1}, options));
    return {payment_intent: first.id};
  },

  async refused_requests() {
    const negative = await refused('StripeInvalidRequestError', intents.create({amount: -1, currency: 'usd'}));
    assert.deepEqual([negative.statusCode, negative.param], [400, 'amount']);
    const unknown = await refused(
      'StripeInvalidRequestError',
      intents.create({amount: 2000, currency: 'usd', colour: 'red'}),
    );
    assert.deepEqual([unknown.code, unknown.param], ['parameter_unknown', 'colour']);
    const missing = await refused('StripeInvalidRequestError', intents.retrieve('pi_absent'));
    assert.deepEqual([missing.statusCode, missing.code], [404, 'resource_missing']);
    const stranger = {apiKey: 'sk_test_nobodyhasthiskey0000'};
    await refused('StripeAuthenticationError', stripe.balance.retrieve({}, stranger));
    return {};
  },

  async customers() {
    const made = await stripe.customers.create({email: 'jenny@example.com', metadata: {tier: 'gold'}});
    const changed = await stripe.customers.update(made.id, {name: 'Jenny Rosen', metadata: {tier: ''}});
    assert.deepEqual([changed.name, changed.email], ['Jenny Rosen', 'jenny@example.com']);
    assert.deepEqual({...changed.metadata}, {});
    const paid = await settled(await pay({amount: 2800, customer: made.id}), 'succeeded');
    const listed = await intents.list({customer: made.id});
    assert.deepEqual(ids(listed.data), [paid.id]);
    assert.equal((await stripe.customers.del(made.id)).deleted, true);
    assert.equal((await stripe.customers.retrieve(made.id)).deleted, true);
    return {customer: made.id};
  },

  async auto_pagination() {
    const made = [];
    for (let number = 0; number < 5; number += 1) {
      made.push(await stripe.customers.create({email: `page-${number}@example.com`}));
    }
    const first = await stripe.customers.list({limit: 2});
    assert.deepEqual([first.has_more, first.data.length], [true, 2]);
    const found = await stripe.customers.list({limit: 2}).autoPagingToArray({limit: 5});
    assert.deepEqual(ids(found), ids(made).reverse());
    const back = await stripe.customers.list({limit: 2, ending_before: made[0].id});
    assert.deepEqual(ids(back.data), [made[2].id, made[1].id]);
    return {customers: ids(made)};
  },

  async events() {
    const page = stripe.events.list({type: 'payment_intent.succeeded', limit: 5});
    const all = await page.autoPagingToArray({limit: 100});
    const found = all.filter((one) => one.data.object.id === seen.intent);
    assert.equal(found.length, 1);
    assert.equal(found[0].data.object.status, 'succeeded');
    assert.deepEqual({...(await stripe.events.retrieve(found[0].id))}, {...found[0]});
    return {event: found[0].id};
  },

  async balance() {
    const balance = await stripe.balance.retrieve();
    const currencies = [...balance.available, ...balance.pending].map((part) => part.currency);
    assert.ok(currencies.includes('usd'));
    assert.equal(balance.livemode, false);
    return {};
  },

  async balance_transactions() {
    const entry = await stripe.balanceTransactions.retrieve(seen.entry);
    assert.deepEqual([entry.type, entry.source], ['charge', seen.charge]);
    const found = await stripe.balanceTransactions.list({limit: 3}).autoPagingToArray({limit: 200});
    assert.ok(ids(found).includes(entry.id));
    assert.ok(found.some((one) => one.type === 'refund' && one.amount === -1000));
    return {balance_transaction: entry.id};
  },

  async webhook_endpoints() {
    const params = {url: 'http://127.0.0.1:9/webhooks', enabled_events: ['refund.failed']};
    const made = await stripe.webhookEndpoints.create(params);
    assert.match(made.secret, /^whsec_/);
    const listed = await stripe.webhookEndpoints.list();
    const again = listed.data.find((one) => one.id === made.id);
    assert.equal('secret' in again, false);
    assert.equal((await stripe.webhookEndpoints.del(made.id)).deleted, true);
    return {webhook_endpoint: made.id};
  },
};

function confirmed(params) {
  const usual = {currency: 'usd', payment_method: 'pm_card_visa', confirm: true, return_url: RETURN_URL};
  return {...usual, ...params};
}

function pay(params) {
  return intents.create(confirmed(params));
}

async function challenged(choice) {
  const made = await pay({amount: 2100, payment_method: 'pm_card_authenticationRequired'});
  assert.equal(made.status, 'requires_action');
  assert.equal(made.next_action.type, 'redirect_to_url');
  await answerChallenge(made.next_action.redirect_to_url.url, choice, RETURN_URL);
  return intents.retrieve(made.id);
}

async function refund(params) {
  let one = await stripe.refunds.create(params);
  for (let poll = 0; one.status !== 'succeeded' && poll < POLLS_MAX; poll += 1) {
    await pause();
    one = await stripe.refunds.retrieve(one.id);
  }
  assert.equal(one.status, 'succeeded');
  return one;
}

/** Read an intent again while its outcome is awaited, and demand where it ends. */
async function settled(intent, status) {
  for (let poll = 0; intent.status !== status && poll < POLLS_MAX; poll += 1) {
    assert.ok(['processing', 'requires_action'].includes(intent.status), `${intent.id} is ${intent.status}`);
    await pause();
    intent = await intents.retrieve(intent.id);
  }
  assert.equal(intent.status, status);
  return intent;
}

async function refused(type, request) {
  const refusal = await request.then(
    () => assert.fail(`accepted, although ${type} was expected`),
    (problem) => problem,
  );
  if (refusal instanceof assert.AssertionError) throw refusal;
  assert.equal(refusal.type, type, refusal.message);
  return refusal;
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
}

function ids(objects) {
  return objects.map((one) => one.id);
}

const names = JSON.parse(readFileSync(new URL('../steps.json', import.meta.url), 'utf8'));
assert.deepEqual(Object.keys(steps), names);
for (const name of names) {
  try {
    console.log(JSON.stringify({step: name, ok: true, facts: await steps[name]()}));
  } catch (problem) {
    console.log(JSON.stringify({step: name, ok: false, error: problem.message}));
    console.error(problem);
    process.exit(1);
  }
}
