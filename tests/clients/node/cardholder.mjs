// Answers a 3-D Secure page as a cardholder's browser would.

const HOPS_MAX = 6;

/** Open the page, submit its form with `result` set to the choice, and follow redirects to the merchant. */
export async function answerChallenge(pageUrl, choice, returnUrl) {
  const opened = await browse(pageUrl, undefined, returnUrl);
  const form = findForm(opened.page, choice);
  if (!form) throw new Error(`no form that offers result=${choice} on ${opened.address}`);
  const target = new URL(form.action, opened.address);
  const fields = new URLSearchParams({...form.fields, result: choice});
  if (form.method === 'post') return (await browse(target.href, fields, returnUrl)).address;
  target.search = fields.toString();
  return (await browse(target.href, undefined, returnUrl)).address;
}

async function browse(address, fields, returnUrl) {
  for (let hop = 0; hop < HOPS_MAX; hop += 1) {
    if (address.startsWith(returnUrl)) return {address, page: ''};
    const method = fields ? 'POST' : 'GET';
    const reply = await fetch(address, {method, body: fields, redirect: 'manual'});
    const location = reply.headers.get('location');
    const page = await reply.text();
    if (reply.ok) return {address, page};
    if (!location) throw new Error(`${address} answered ${reply.status}`);
    address = new URL(location, address).href;
    fields = undefined;
  }
  throw new Error(`more than ${HOPS_MAX} redirects from ${address}`);
}

function findForm(page, choice) {
  for (const [, head, inside] of page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)) {
    const inputs = [...inside.matchAll(/<(?:input|button)\b([^>]*)>/gi)].map((tag) => attributes(tag[1]));
    if (!inputs.some((one) => one.name === 'result' && one.value === choice)) continue;
    const {action = '', method = 'get'} = attributes(head);
    const hidden = inputs.filter((one) => one.type === 'hidden' && one.name);
    const fields = Object.fromEntries(hidden.map((one) => [one.name, one.value ?? '']));
    return {action, method: method.toLowerCase(), fields};
  }
  return undefined;
}

function attributes(text) {
  const pairs = text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g);
  return Object.fromEntries([...pairs].map(([, name, a, b, c]) => [name.toLowerCase(), unescape(a ?? b ?? c)]));
}

function unescape(text) {
  const plain = {amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'"};
  return text.replace(/&(#?\w+);/g, (whole, name) => plain[name] ?? whole);
}
