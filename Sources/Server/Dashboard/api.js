// Requests to the API, the session of the caller, and small shared stores.
import { useEffect, useState } from './preact.js';

/** Address of the API: beside the folder of the page, also behind a path prefix. */
export const base = new URL('..', document.baseURI);

/** A problem document (RFC 9457), or the reason why no response arrived. */
export class Problem extends Error {
  /**
   * @param {number} status the HTTP status; 0 when the server was not reached
   * @param {Record<string, any>} members the members of the document
   */
  constructor(status, members) {
    super(members.detail || members.title || 'The request failed');
    this.status = status;
    this.members = members;
    this.code = String(members.code ?? '');
    this.title = String(members.title ?? 'Request failed');
  }
}

/**
 * A value with subscribers.
 * @template T
 */
export class Store {
  /** @param {T} value */
  constructor(value) {
    this.value = value;
    /** @type {Set<(value: T) => void>} */
    this.subscribers = new Set();
  }
  /** @param {T} value */
  set(value) {
    this.value = value;
    for (const subscriber of [...this.subscribers]) subscriber(value);
  }
}

/**
 * The value of a store, rendered again when it changes.
 * @template T
 * @param {Store<T>} store
 * @returns {T}
 */
export function useStore(store) {
  const [value, set] = useState(store.value);
  useEffect(() => {
    const subscriber = (/** @type {T} */ next) => set(() => next);
    store.subscribers.add(subscriber);
    subscriber(store.value);
    return () => store.subscribers.delete(subscriber);
  }, [store]);
  return value;
}

// MARK: - The caller

/**
 * @typedef {{name: string, scopes: string[], roles: string[], flows: string[] | null, authentication: string,
 *   readOnly: boolean, version: string, nodes: boolean, expires?: string}} Me
 */

/** The signed-in caller; null before the first response, `false` when a key is required. */
export const session = new Store(/** @type {Me | null | false} */ (null));

/** Name and roles to act under on a server without keys. */
export const acting = new Store(readActing());

function readActing() {
  try {
    const stored = JSON.parse(localStorage.getItem('flow.acting') ?? 'null');
    if (stored) return { name: String(stored.name), roles: stored.roles.map(String) };
  } catch { /* The storage is not available, or holds another format. */ }
  return { name: '', roles: /** @type {string[]} */ ([]) };
}

/** @param {{name: string, roles: string[]}} identity */
export function actAs(identity) {
  acting.set(identity);
  try {
    localStorage.setItem('flow.acting', JSON.stringify(identity));
  } catch { /* It lasts as long as the page, then. */ }
}

/** Name and roles under which events are sent. */
export function identity() {
  const me = session.value;
  return me && me.authentication !== 'none' ? { name: me.name, roles: me.roles } : acting.value;
}

/** @param {string} scope */
export function may(scope) {
  const me = session.value;
  if (!me) return false;
  return me.scopes.includes(scope) && !(me.readOnly && scope !== 'read');
}

/**
 * The reason why a scope is not available, as a tooltip; an empty text when it is.
 * @param {string} scope
 */
export function missing(scope) {
  const me = session.value;
  if (me && me.readOnly && scope !== 'read') return 'The server is read-only';
  return may(scope) ? '' : `Your key does not have the scope “${scope}”`;
}

/** Loads the caller into `session`. */
export async function loadSession() {
  try {
    session.set((await get('/v1/me')).data);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    session.set(false);
  }
}

/** @param {string} key */
export async function signIn(key) {
  await request('POST', '/v1/session', { body: { key } });
  await loadSession();
}

export async function signOut() {
  await request('DELETE', '/v1/session');
  session.set(false);
}

// MARK: - Requests

/**
 * @typedef {{body?: any, type?: string, headers?: Record<string, string>, accept?: string, signal?: AbortSignal}} Options
 * @typedef {{data: any, status: number, headers: Headers}} Answer
 */

/**
 * Sends a request.
 * @param {string} method
 * @param {string} path such as `/v1/flows`
 * @param {Options} [options]
 * @returns {Promise<Answer>}
 * @throws {Problem}
 */
export async function request(method, path, options = {}) {
  const response = await send(method, path, options);
  if (response.status === 304) return { data: null, status: 304, headers: response.headers };
  const type = response.headers.get('Content-Type') ?? '';
  const text = await response.text();
  const data = /json/.test(type) && text ? parse(text) : text;
  if (!response.ok) throw problem(response, data);
  return { data, status: response.status, headers: response.headers };
}

/**
 * The response itself, for streams.
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 */
export async function send(method, path, { body, type, headers = {}, accept, signal } = {}) {
  /** @type {Record<string, string>} */
  const fields = { Accept: accept ?? 'application/json', ...actingHeaders(), ...headers };
  if (body !== undefined) fields['Content-Type'] = type ?? 'application/json';
  const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  try {
    return await fetch(new URL(path.slice(1), base), {
      method,
      headers: fields,
      body: content,
      signal,
      credentials: 'same-origin',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, { title: 'No connection', detail: 'The server cannot be reached.' });
  }
}

/** @returns {Record<string, string>} */
function actingHeaders() {
  const me = session.value;
  if (!me || me.authentication !== 'none') return {};
  const { name, roles } = acting.value;
  return { ...(name ? { 'Flow-Caller': name } : {}), ...(roles.length ? { 'Flow-Roles': roles.join(', ') } : {}) };
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: 'The response is not JSON.' };
  }
}

/**
 * @param {Response} response
 * @param {any} data
 */
function problem(response, data) {
  if (response.status === 401 && session.value) session.set(false);
  const members = typeof data === 'object' && data ? data : { title: response.statusText, detail: String(data) };
  return new Problem(response.status, members);
}

/**
 * @param {string} path
 * @param {Options} [options]
 */
export const get = (path, options) => request('GET', path, options);

/**
 * @param {string} path
 * @param {any} body
 * @param {Options} [options]
 */
export const post = (path, body, options) => request('POST', path, { ...options, body });

/**
 * A path of the API with its segments encoded.
 * @param {TemplateStringsArray} texts
 * @param {...(string | number)} values
 */
export const path = (texts, ...values) => String.raw(texts, ...values.map((value) => encodeURIComponent(value)));

/**
 * A query; empty values are left out.
 * @param {Record<string, string | number | boolean | null | undefined>} members
 */
export function query(members) {
  const given = Object.entries(members).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? '?' + new URLSearchParams(given.map(([name, value]) => [name, String(value)])) : '';
}

/**
 * Loads something when the dependencies change, and again on `reload`. The previous value stays while loading.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {any[]} dependencies
 */
export function useLoad(load, dependencies) {
  const [state, set] = useState(
    /** @type {{data: T | null, error: Problem | null, loading: boolean}} */ ({
      data: null,
      error: null,
      loading: true,
    }),
  );
  const [round, next] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    set((before) => ({ ...before, loading: true }));
    load(controller.signal).then(
      (data) => controller.signal.aborted || set({ data, error: null, loading: false }),
      (error) => {
        if (controller.signal.aborted) return;
        if (!(error instanceof Problem)) console.error(error);
        const shown = error instanceof Problem ? error : new Problem(0, { detail: String(error) });
        set((before) => ({ ...before, error: shown, loading: false }));
      },
    );
    return () => controller.abort();
  }, [...dependencies, round]);
  return { ...state, reload: () => next((n) => n + 1) };
}

/** Definitions of flows by name, loaded once for each version. */
const definitions = new Map();

/**
 * The definition of a flow, as an instance runs it.
 * @param {string} flow
 * @param {string} [definition] the digest of a version; the served one by default
 */
export async function flowDefinition(flow, definition) {
  if (!definition) return (await get(path`/v1/flows/${flow}`)).data;
  const name = `${flow}/${definition}`;
  if (!definitions.has(name)) {
    definitions.set(name, (await get(path`/v1/flows/${flow}/versions/${definition}`)).data);
  }
  return definitions.get(name);
}
