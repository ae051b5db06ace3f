// Drives a server with the unmodified centrifuge-js SDK through one fixed script and prints what the application would see, one JSON
// value per line. Both framings must print the same lines.
//
// Usage: node driver.mjs <websocket address> <control address> <json|protobuf>
//
// The control address lets the script ask the test for what only a server can do: publish, restart, lose, disconnect.

import { Centrifuge as JSONCentrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { WebSocket } from 'ws';

const [address, control, framing] = process.argv.slice(2);
const protobuf = framing === 'protobuf';
const person = 'person_demo';
const chatName = 'chat:demo';
const statusName = `status:${person}`;

const seen = []; // every event, for waiting
function log(event, detail = {}) {
  seen.push({ event, ...detail });
  console.log(JSON.stringify({ event, ...detail }));
}

// until waits for a condition over what was seen; the test kills a script that waits too long.
function until(condition) {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (condition()) {
        clearInterval(timer);
        resolve();
      }
    }, 5);
  });
}
const count = (event, channel) => seen.filter((e) => e.event === event && (!channel || e.channel === channel)).length;
const happens = (event, channel, n) => until(() => count(event, channel) >= n);

async function ask(action) {
  const response = await fetch(`${control}/${action}`, { method: 'POST' });
  if (!response.ok) throw new Error(`${action}: ${response.status}`);
}

// In Protobuf framing payloads are bytes. The test's events say n=7 there and {"n":7} in JSON.
const decode = (data) => (protobuf ? Number(new TextDecoder().decode(data).split('=')[1]) : data.n);
const encode = (value) => (protobuf ? new TextEncoder().encode(JSON.stringify(value)) : value);

// The SDK does not tell about pings, so the socket counts them: an empty frame each way.
const pings = { received: 0, sent: 0 };
const empty = (data) => {
  const bytes = Buffer.from(data); // of text, a Buffer, a Uint8Array or an ArrayBuffer
  return (bytes.length === 1 && bytes[0] === 0) || bytes.toString() === '{}';
};
class CountingSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on('message', (data) => { pings.received += empty(data) ? 1 : 0; });
  }

  send(data) {
    pings.sent += empty(data) ? 1 : 0;
    super.send(data);
  }
}

let tokens = 0;
const Centrifuge = protobuf ? ProtobufCentrifuge : JSONCentrifuge;
const client = new Centrifuge(address, {
  websocket: CountingSocket,
  token: 'expired',
  // The first fetched token ends soon, so that the SDK has to refresh; the others last.
  getToken: async () => `${person}/device_demo@${tokens++ === 0 ? '7s' : '1h'}`,
  minReconnectDelay: 1500,
  maxReconnectDelay: 1501,
});

const position = (c) => ({
  recoverable: c.recoverable, positioned: c.positioned, wasRecovering: c.wasRecovering, recovered: c.recovered,
  offset: c.streamPosition.offset, epoch: c.streamPosition.epoch,
});
client.on('connecting', (c) => log('connecting', { code: c.code, reason: c.reason }));
client.on('connected', () => log('connected'));
client.on('disconnected', (c) => log('disconnected', { code: c.code, reason: c.reason }));
client.on('error', (c) => log('error', { type: c.type, code: c.error.code, message: c.error.message }));
client.on('subscribed', (c) => log('subscribed', { channel: c.channel, ...position(c) }));
client.on('publication', (c) => log('publication', { channel: c.channel, offset: c.offset, n: decode(c.data) }));

function subscription(name) {
  const sub = client.newSubscription(name);
  sub.on('subscribing', (c) => log('subscribing', { channel: name, code: c.code, reason: c.reason }));
  sub.on('subscribed', (c) => log('subscribed', { channel: name, ...position(c) }));
  sub.on('unsubscribed', (c) => log('unsubscribed', { channel: name, code: c.code, reason: c.reason }));
  sub.on('error', (c) => log('suberror', { channel: name, code: c.error.code }));
  sub.on('publication', (c) => log('publication', { channel: name, offset: c.offset, n: decode(c.data) }));
  return sub;
}

// fails logs how a call was refused.
async function fails(what, promise) {
  try {
    await promise;
    log(what, { refused: false });
  } catch (e) {
    log(what, { code: e.code, message: e.message });
  }
}

// Expired token, error 109, a new token, connected with the status stream.
client.connect();
await happens('subscribed', statusName, 1);

// Subscribe, and be refused.
const chat = subscription(chatName);
chat.subscribe();
await happens('subscribed', chatName, 1);
const denied = subscription('status:person_other');
denied.subscribe();
await happens('unsubscribed', 'status:person_other', 1);

// Publications of both kinds of subscription.
await ask('publish/chat');
await happens('publication', chatName, 1);
await ask('publish/status');
await happens('publication', statusName, 1);

// Calls.
await fails('publish', chat.publish(encode({ text: 'demo' })));
const page = await chat.history({ limit: 10 });
log('history', { offset: page.offset, epoch: page.epoch, publications: page.publications.map((p) => decode(p.data)) });
await client.rpc('ack', encode({ stream: statusName, epoch: 'e1', offset: 1 }));
log('acknowledged');
await fails('rpc', client.rpc('nothing', encode({})));
await client.send(encode({ typing: true }));
log('sent');

// Three pings with their pongs, and the refresh at the token's ttl.
await until(() => pings.received >= 3 && pings.sent >= 3);
log('pings');
await until(() => tokens >= 2);
log('refreshed');

// The server restarts, and publishes while nobody is connected.
await ask('restart');
await happens('publication', chatName, 2);

// A gap is told, and the subscription comes back with its position.
await ask('gap');
await happens('publication', chatName, 4);

// A changed epoch cannot be recovered.
await ask('epoch');
await happens('subscribed', chatName, 4);

// Leave and come back: the SDK keeps the position of its subscription.
chat.unsubscribe();
await happens('unsubscribed', chatName, 1);
chat.subscribe();
await happens('subscribed', chatName, 5);

// Disconnected for good.
await ask('disconnect');
await happens('disconnected', undefined, 1);
log('end', { state: client.state });
process.exit(0);
