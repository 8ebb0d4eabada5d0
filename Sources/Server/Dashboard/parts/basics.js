// The small parts that all views are made of: icons, status, times, buttons, problems, copying.
import { html, useEffect, useState } from '../preact.js';
import { Store, useStore } from '../api.js';
import { servedFlows, usesEvents } from '../live.js';

/** Outlines on a grid of 16. */
const icons = {
  running: 'M8 2a6 6 0 1 1-5.6 3.9M8 4.8V8l2.2 1.6',
  done: 'M3 8.4l3.2 3.2L13 4.8',
  failed: 'M4 4l8 8M12 4l-8 8',
  cancelled: 'M3.8 3.8l8.4 8.4M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z',
  suspended: 'M5.5 3.5v9M10.5 3.5v9',
  incident: 'M8 2.5l6 10.8H2zM8 6.6v3M8 11.4v.2',
  overview: 'M2.5 9h4V2.5h-4zM9.5 13.5h4V7h-4zM2.5 13.5h4v-2h-4zM9.5 4.5h4v-2h-4z',
  instances: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  tasks: 'M2.5 4.5l1.2 1.2L6 3.4M2.5 11l1.2 1.2L6 9.9M8.5 4.8h5M8.5 11.3h5',
  flows: 'M3 2.5h4v4H3zM9 9.5h4v4H9zM5 6.5v2.5a2 2 0 0 0 2 2h2',
  simulate: 'M5 3l7.5 5L5 13z',
  server: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.1M5 11h.1',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5L14 14',
  copy: 'M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3',
  chevron: 'M6 3.5L10.5 8 6 12.5',
  plus: 'M8 3v10M3 8h10',
  person: 'M8 2.5a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2zM3 13.5a5 5 0 0 1 10 0',
  live:
    'M8 7.2a.8.8 0 1 1 0 1.6.8.8 0 0 1 0-1.6zM5 11a4.2 4.2 0 0 1 0-6M11 5a4.2 4.2 0 0 1 0 6M3 13a7 7 0 0 1 0-10M13 3a7 7 0 0 1 0 10',
  stale: 'M2.5 2.5l11 11M5 11a4.2 4.2 0 0 1-1-4M11 5a4.2 4.2 0 0 1 .8 4',
  filter: 'M2.5 3.5h11L9.5 8.6v4.2l-3-1.6V8.6z',
  board: 'M2.5 2.5h3v11h-3zM6.8 2.5h3v7h-3zM11 2.5h2.5v9H11z',
  clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 4.8V8l2.2 1.6',
  more: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  close: 'M4 4l8 8M12 4l-8 8',
  reload: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3',
  lock: 'M4 7.5h8v6H4zM5.5 7.5V5.3a2.5 2.5 0 0 1 5 0v2.2',
};

/** @param {{name: string, label?: string}} properties an icon with a label stands alone, others beside a word */
export function Icon({ name, label }) {
  const path = /** @type {Record<string, string>} */ (icons)[name] ?? icons.more;
  return html`<svg class="icon" viewBox="0 0 16 16" role=${label ? 'img' : undefined} aria-label=${label}
    aria-hidden=${label ? undefined : 'true'}><path d=${path} /></svg>`;
}

/** @param {{status: string, incident?: string}} properties */
export function Status({ status, incident }) {
  const shown = incident && status === 'running' ? 'incident' : status;
  return html`<span class=${`status ${shown}`} title=${
    incident || undefined
  }><${Icon} name=${shown} />${shown}</span>`;
}

/** @param {{paths: string[]}} properties */
export function States({ paths }) {
  return html`<span class="states">${
    paths.map((path) => html`<span class="state" key=${path}>${path}</span>`)
  }</span>`;
}

// MARK: - Times

/** The present, for all relative times of the page. */
const present = new Store(Date.now());
setInterval(() => present.set(Date.now()), 5_000);

/** @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 24) return `${hours} h ${Math.floor(seconds / 60) % 60} min`;
  const days = Math.floor(hours / 24);
  return days < 60 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** Times are shown in the zone of the browser, or in UTC. */
export const zone = new Store(localStorageItem('flow.zone') === 'UTC' ? 'UTC' : '');

/** @param {string} name */
function localStorageItem(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param {string | number} at */
export function clockTime(at) {
  const options = /** @type {Intl.DateTimeFormatOptions} */ ({ dateStyle: 'medium', timeStyle: 'medium' });
  return new Date(at).toLocaleString(undefined, { ...options, ...(zone.value ? { timeZone: 'UTC' } : {}) });
}

/** A relative time with the absolute one as its tooltip. @param {{at: string}} properties */
export function Time({ at }) {
  const now = useStore(present);
  const distance = new Date(at).getTime() - now;
  const text = Math.abs(distance) < 5_000
    ? 'now'
    : distance < 0
    ? `${duration(distance)} ago`
    : `in ${duration(distance)}`;
  return html`<time datetime=${at} title=${clockTime(at)}>${text}</time>`;
}

/** How often a page without a WebSocket looks for deployments, in milliseconds. */
const INTERVAL = 15_000;

/** Calls a function after each deployment. @param {() => void} body */
export function useDeployments(body) {
  useEffect(() => {
    const before = servedFlows.value;
    // The first mark after loading is no change.
    const changed = (/** @type {string} */ mark) => (before || mark.endsWith(' ')) && body();
    servedFlows.subscribers.add(changed);
    const timer = setInterval(() => usesEvents() && document.visibilityState === 'visible' && body(), INTERVAL);
    return () => {
      servedFlows.subscribers.delete(changed);
      clearInterval(timer);
    };
  }, []);
}

// MARK: - Feedback

/** @param {{problem: import('../api.js').Problem | null, retry?: () => void}} properties */
export function ProblemNote({ problem, retry }) {
  if (!problem) return null;
  const { allowedEvents, violations, diagnostics } = problem.members;
  return html`<div class="note bad" role="alert">
    <strong>${problem.title}</strong>
    <p>${code(problem.message)}</p>
    ${
    violations?.length
      ? html`<ul>${
        violations.map((/** @type {any} */ one) => html`<li><code>${one.pointer}</code> ${code(one.message)}</li>`)
      }</ul>`
      : null
  }
    ${
    allowedEvents
      ? html`<p>${
        allowedEvents.length
          ? html`Accepted here: ${
            allowedEvents.map((/** @type {string} */ name) => html`<code class="pill">${name}</code> `)
          }`
          : 'No event is accepted in this state.'
      }</p>`
      : null
  }
    ${
    diagnostics?.length
      ? html`<p>${diagnostics.length} ${diagnostics.length === 1 ? 'diagnostic' : 'diagnostics'}</p>`
      : null
  }
    ${retry ? html`<button class="small" onClick=${retry}>Try again</button>` : null}
  </div>`;
}

/** A text whose parts in backticks are set as code. @param {string} text */
export function code(text) {
  return String(text ?? '').split(/`([^`]*)`/).map((part, index) => index % 2 ? html`<code>${part}</code>` : part);
}

/** @param {{children: any, title?: string}} properties */
export const Empty = ({ children, title }) =>
  html`<div class="empty">${title ? html`<h2>${title}</h2>` : null}<p>${children}</p></div>`;

export const Loading = () => html`<p class="loading" role="status">Loading…</p>`;

const toasts = new Store(/** @type {{id: number, text: string, kind: string}[]} */ ([]));
let nextToast = 1;

/** @param {string} text @param {string} [kind] `good` or `bad` */
export function toast(text, kind = 'good') {
  const id = nextToast++;
  toasts.set([...toasts.value.slice(-2), { id, text, kind }]);
  setTimeout(() => toasts.set(toasts.value.filter((one) => one.id !== id)), kind === 'bad' ? 9_000 : 5_000);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">${
    useStore(toasts).map((one) =>
      html`<p key=${one.id} class=${`toast ${one.kind}`}>
    <${Icon} name=${one.kind === 'bad' ? 'incident' : 'done'} /><span>${code(one.text)}</span></p>`
    )
  }</div>`;
}

/** @param {{text: string, label?: string}} properties */
export function Copy({ text, label = 'Copy' }) {
  const [isDone, set] = useState(false);
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(() => set(false), 1_500);
    return () => clearTimeout(timer);
  }, [isDone]);
  return html`<button type="button" class="small quiet" title="Copy" onClick=${() =>
    navigator.clipboard?.writeText(text).then(() => set(true))}>
    <${Icon} name=${isDone ? 'done' : 'copy'} />${isDone ? 'Copied' : label}</button>`;
}

/** Commands that do the same outside of the page. @param {{commands: [string, string][]}} properties */
export function Commands({ commands }) {
  return html`<details class="commands"><summary>As a command</summary>${
    commands.map(([name, text]) =>
      html`<div key=${name}>
    <div class="bar"><span class="muted">${name}</span><${Copy} text=${text} /></div><pre tabindex="0">${text}</pre></div>`
    )
  }</details>`;
}

/**
 * Tabs whose choice is in the address.
 * @param {{tabs: {id: string, name: string, count?: number}[], current: string, choose: (id: string) => void, label: string}} properties
 */
export function Tabs({ tabs, current, choose, label }) {
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = tabs.findIndex((tab) => tab.id === current);
    const next = tabs[(index + step + tabs.length) % tabs.length];
    choose(next.id);
    /** @type {HTMLElement | null} */ (document.getElementById(`tab-${next.id}`))?.focus();
  };
  // On a phone the row of tabs scrolls: the chosen one is visible. The page stays where it is.
  useEffect(() => {
    const tab = document.getElementById(`tab-${current}`);
    const row = tab?.parentElement;
    if (!tab || !row) return;
    const end = tab.offsetLeft + tab.offsetWidth - row.clientWidth;
    row.scrollLeft = Math.min(Math.max(row.scrollLeft, end), tab.offsetLeft);
  }, [current]);
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>${
    tabs.map((tab) =>
      html`<button key=${tab.id}
    id=${`tab-${tab.id}`} role="tab" aria-selected=${tab.id === current ? 'true' : 'false'} tabindex=${
        tab.id === current ? 0 : -1
      }
    onClick=${() => choose(tab.id)}>${tab.name}${
        tab.count ? html`<span class="count">${tab.count}</span>` : null
      }</button>`
    )
  }</div>`;
}

/**
 * A native dialog that is open as long as it is rendered.
 * @param {{title: string, close: () => void, children: any, wide?: boolean}} properties
 */
export function Dialog({ title, close, children, wide }) {
  const [id] = useState(() => `dialog-${Math.random().toString(36).slice(2)}`);
  useEffect(() => {
    const element = /** @type {HTMLDialogElement | null} */ (document.getElementById(id));
    if (element && !element.open) element.showModal();
    const place = () => location.hash.split('?')[0];
    const opened = place();
    const left = () => place() !== opened && close();
    addEventListener('hashchange', left);
    return () => removeEventListener('hashchange', left);
  }, []);
  return html`<dialog id=${id} class=${wide ? 'wide' : ''} aria-labelledby=${id + '-title'} onClose=${close}
    onClick=${(/** @type {any} */ event) => event.target === event.currentTarget && close()}>
    <header class="bar"><h2 id=${id + '-title'}>${title}</h2>
      <button type="button" class="quiet icon-only" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
    <div class="dialog-body">${children}</div></dialog>`;
}

/** @param {number} number */
export const count = (number) => number.toLocaleString();

/** @param {number} number @param {string} one @param {string} [many] */
export const plural = (number, one, many = one + 's') => `${count(number)} ${number === 1 ? one : many}`;
