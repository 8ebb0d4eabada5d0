// The live stream: one WebSocket for all subscriptions, server-sent events where that is not possible.
import { base, session, Store } from './api.js';

/**
 * @typedef {{flow: string, key: string, type: string, offset: number, revision: number, at: string, data: any}} Entry
 * @typedef {{flow?: string, key?: string, event?: string, type?: string, filter?: string}} Filter
 * @typedef {{entry: (entry: Entry) => void, reset: () => void}} Listener
 * @typedef {{id: number, filter: Filter, position: string | number | null, listener: Listener,
 *   epoch: string, source: EventSource | null}} Subscription
 */

/** State of the connection: `connecting`, `catching up`, `live` or `stale`, with the time since which it is stale. */
export const connection = new Store({ state: 'connecting', since: Date.now(), transport: 'WebSocket' });

/** Longest silence before the connection counts as lost; the server pings every 15 s. */
const SILENCE = 40_000;
/** Longest time for a reply, in milliseconds. */
const PATIENCE = 5_000;
const HELLO = -1;

/** A mark of the served flows and their versions, which changes with each deployment. */
export const servedFlows = new Store('');
/** Subscriptions to deployments and retirements; their numbers are no other's. */
const FLOW_CHANGES = [[-2, 'deployed'], [-3, 'retired']];

/** @type {Map<number, Subscription>} */
const subscriptions = new Map();
let nextID = 1;
/** @type {WebSocket | null} */
let socket = null;
let attempts = 0;
let isOpen = false;
let heard = Date.now();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** The time of the last entry, in milliseconds since 1970; null before the first. */
export const lastEntry = new Store(/** @type {number | null} */ (null));

/**
 * Subscribes to entries behind a position. Each entry is delivered once and in order; `reset` is called when the
 * position is not available any more, and the views have to be read again.
 * @param {Filter} filter
 * @param {string | number | null} position `asOf` of the view; null for entries from now on
 * @param {Listener} listener
 * @returns {() => void} ends the subscription
 */
export function subscribe(filter, position, listener) {
  const subscription = { id: nextID++, filter, position, listener, epoch: '', source: null };
  subscriptions.set(subscription.id, subscription);
  if (usesEvents()) openSource(subscription);
  else if (isOpen) sendSubscription(subscription);
  else connect();
  return () => end(subscription);
}

/** @param {Subscription} subscription */
function end(subscription) {
  subscriptions.delete(subscription.id);
  subscription.source?.close();
  if (isOpen) socket?.send(JSON.stringify({ id: subscription.id, op: 'unsub', sub: subscription.id }));
}

/** @param {string} state */
function setState(state) {
  const now = connection.value;
  if (now.state === state) return;
  const since = state === 'stale' ? heard : Date.now();
  connection.set({ state, since, transport: usesEvents() ? 'server-sent events' : 'WebSocket' });
}

// MARK: - WebSocket

/** Opens the socket unless it is open or about to be. */
export function connect() {
  if (usesEvents() || socket && socket.readyState <= WebSocket.OPEN || session.value === false) return;
  clearTimeout(timer);
  const address = new URL('v1/live', base);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  const opened = new WebSocket(address, 'flow.v1');
  socket = opened;
  opened.onopen = () => {
    isOpen = true;
    heard = Date.now();
    setState('catching up');
    for (const [id, type] of FLOW_CHANGES) opened.send(JSON.stringify({ id, op: 'sub', type }));
    // The reply to this message comes behind the replies to the subscriptions.
    for (const subscription of subscriptions.values()) sendSubscription(subscription);
    opened.send(JSON.stringify({ id: HELLO, op: 'hello' }));
  };
  opened.onmessage = ({ data }) => {
    heard = Date.now();
    for (const line of String(data).split('\n')) if (line) received(JSON.parse(line));
  };
  opened.onclose = ({ code }) => opened === socket && lost(code);
}

/** @param {Subscription} subscription */
function sendSubscription({ id, filter, position }) {
  const since = position === null ? {} : { since: position };
  socket?.send(JSON.stringify({ id, op: 'sub', ...filter, ...since }));
}

/** @param {any} message */
function received(message) {
  if (message.re === HELLO) {
    attempts = 0;
    setState('live');
    if (message.ok?.flows && message.ok.flows !== servedFlows.value) servedFlows.set(message.ok.flows);
  } else if (message.re !== undefined) {
    const subscription = subscriptions.get(message.re);
    if (!subscription || !message.ok || !('recovered' in message.ok)) return;
    const isReset = subscription.position !== null && message.ok.recovered === false;
    subscription.epoch = message.ok.epoch;
    subscription.position = message.ok.position;
    if (isReset) subscription.listener.reset();
  } else if (FLOW_CHANGES.some(([id]) => id === message.sub)) {
    // The next greeting brings the mark itself.
    servedFlows.set(`${servedFlows.value} `);
  } else if (message.ev && message.offset !== undefined) {
    const subscription = subscriptions.get(message.sub);
    if (!subscription) return;
    subscription.position = `${subscription.epoch}:${message.offset}`;
    deliver(subscription, message.ev, message.offset);
  }
}

/**
 * @param {Subscription} subscription
 * @param {any} event a CloudEvent
 * @param {number} offset
 */
function deliver(subscription, event, offset) {
  lastEntry.set(Date.now());
  subscription.listener.entry({
    flow: decodeURIComponent(String(event.source).split('/').pop() ?? ''),
    key: event.subject,
    type: String(event.type).replace(/^flow\.|\.v1$/g, ''),
    offset,
    revision: event.revision,
    at: event.time,
    data: event.data,
  });
}

/** @param {number} code the close code */
function lost(code) {
  isOpen = false;
  socket = null;
  if (code === 4401 || code === 4403) return session.set(false);
  attempts += 1;
  setState(attempts > 1 || connection.value.state !== 'connecting' ? 'stale' : 'connecting');
  if (attempts === 4 && everOpened === false) return useEvents();
  // Full jitter, so that the clients of a restarted server do not come back all together.
  timer = setTimeout(connect, Math.random() * Math.min(10_000, 300 * 2 ** attempts));
}

let everOpened = false;
connection.subscribers.add(({ state }) => everOpened ||= state === 'live');

/** Finds out whether an open socket still reaches the server, as after sleep; a closed one is opened. */
function check() {
  if (document.visibilityState !== 'visible') return;
  if (!isOpen) return connect();
  const probed = socket;
  const before = heard;
  probed?.send(JSON.stringify({ id: HELLO, op: 'hello' }));
  setTimeout(() => probed === socket && heard === before && drop(), PATIENCE);
}

/** Gives up a socket without waiting for the other side. */
function drop() {
  const given = socket;
  socket = null;
  given?.close();
  lost(4000);
}

addEventListener('online', check);
addEventListener('offline', () => setState('stale'));
document.addEventListener('visibilitychange', check);
setInterval(() => isOpen && Date.now() - heard > SILENCE && drop(), PATIENCE);
session.subscribers.add((me) => {
  if (me) connect();
  else if (me === false) socket?.close(1000);
});

// MARK: - Server-sent events

let fallsBack = new URLSearchParams(location.search).get('live') === 'sse';

/** Whether the page uses server-sent events, which carry no deployments here. */
export function usesEvents() {
  return fallsBack;
}

/** Some networks let no WebSocket through. */
function useEvents() {
  fallsBack = true;
  for (const subscription of subscriptions.values()) openSource(subscription);
}

/** @param {Subscription} subscription */
function openSource(subscription) {
  const members = Object.entries({ ...subscription.filter, since: subscription.position })
    .filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => [name, String(value)]);
  const source = new EventSource(new URL('v1/live?' + new URLSearchParams(members), base), { withCredentials: true });
  subscription.source = source;
  source.onopen = () => setState('live');
  source.onerror = () => {
    heard = Date.now();
    setState('stale');
    if (source.readyState !== EventSource.CLOSED) return;
    // The server answered with an error, after which the browser does not try again.
    setTimeout(() => subscriptions.has(subscription.id) && openSource(subscription), 2_000 + Math.random() * 3_000);
  };
  source.addEventListener('reset', () => subscription.listener.reset());
  for (
    const type of [
      'step',
      'emit',
      'log',
      'incident',
      'refused',
      'undelivered',
      'attempt',
      'dead',
      'operator',
      'schedule',
    ]
  ) {
    source.addEventListener(type, (event) => {
      subscription.position = event.lastEventId;
      deliver(subscription, JSON.parse(event.data), Number(event.lastEventId.split(':').pop()));
    });
  }
}
