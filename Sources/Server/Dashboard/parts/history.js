// The history of an instance: read as lines, kept as steps, shown as a list that renders only its visible part.
import { html, useEffect, useRef, useState } from '../preact.js';
import { path, Problem, send } from '../api.js';
import { clockTime, code, duration, Icon } from './basics.js';

/** @typedef {{offset: number, revision: number, type: string, at: string, data: any}} Entry */

const ROW = 52;
const GAP = 28;
/** A pause between entries from which on the list shows its length, in milliseconds. */
const IDLE = 60_000;

/**
 * Reads all entries of a history, in pieces that leave the page responsive.
 * @param {string} flow
 * @param {string} key
 * @param {number} after the offset of the last entry that is known
 * @param {(entries: Entry[]) => void} add
 * @param {AbortSignal} signal
 */
export async function readHistory(flow, key, after, add, signal) {
  const response = await send('GET', path`/v1/flows/${flow}/instances/${key}/history` + `?after=${after}`, {
    accept: 'application/x-ndjson',
    signal,
  });
  if (!response.ok || !response.body) throw new Problem(response.status, await response.json().catch(() => ({})));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  /** @type {Entry[]} */
  const entries = [];
  let start = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = done ? '' : lines.pop() ?? '';
    for (const line of lines) {
      // The server keeps a slow stream open with lines that hold a colon.
      if (line.startsWith('{')) entries.push(JSON.parse(line));
      if (performance.now() - start < 12) continue;
      await new Promise((next) => setTimeout(next));
      start = performance.now();
    }
    if (done) break;
  }
  add(entries);
}

/**
 * The attempts of actions that have ended: those of calls that succeeded are in their steps.
 * @param {Entry[]} entries
 */
export function attemptsOf(entries) {
  return entries.flatMap(({ type, at, offset, data }) => {
    if (type === 'attempt') return [{ ...data, offset, at }];
    const result = type === 'step' ? data.result : undefined;
    if (!result?.action || result.done === undefined) return [];
    return [{ ...result, attempt: result.attempts, offset, at, outcome: 'done' }];
  });
}

/** A short title of an entry. @param {Entry} entry */
export function describe({ type, data }) {
  switch (type) {
    case 'step': {
      const cause = data.event?.type ??
        (data.timer
          ? 'timer'
          : data.result
          ? `${data.result.call ?? data.result.action ?? 'call'} ${data.result.failed ? 'failed' : 'done'}`
          : data.schedule
          ? 'schedule'
          : Object.keys(data)[0]);
      const from = (data.from ?? []).join(', ');
      const to = (data.to ?? []).join(', ');
      return {
        icon: data.status === 'failed' ? 'failed' : data.status === 'done' ? 'done' : 'running',
        title: cause,
        text: from === to ? `stays in ${to}` : `${from || 'start'} → ${to}`,
      };
    }
    case 'emit':
      return { icon: 'flows', title: `emits ${data.type}`, text: JSON.stringify(data.data ?? {}) };
    case 'log':
      return { icon: 'instances', title: 'log', text: data.text ?? '' };
    case 'operator':
      return {
        icon: 'person',
        title: data.action ?? data.operation ?? 'operator',
        text: [data.caller?.id ?? data.caller, data.reason].filter(Boolean).join(': '),
      };
    case 'incident':
      return { icon: 'incident', title: 'incident', text: data.message ?? data.reason ?? '' };
    case 'attempt':
      return {
        icon: data.outcome === 'done' ? 'done' : data.nextAt ? 'reload' : 'failed',
        title: `${data.action} attempt ${data.attempt}`,
        text: [data.outcome, data.nextAt ? `again at ${clockTime(data.nextAt)}` : ''].filter(Boolean).join(', '),
      };
    case 'dead':
      return { icon: 'failed', title: `${data.action ?? 'action'} given up`, text: data.message ?? data.code ?? '' };
    default:
      return { icon: 'more', title: type, text: data.message ?? data.reason ?? '' };
  }
}

/** Milliseconds between entries. @param {number} length */
function pause(length) {
  return length < 1000 ? `+${Math.round(length)} ms` : `+${duration(length)}`;
}

/**
 * @param {{entries: Entry[], current: number | null, choose: (offset: number) => void, follows: boolean}} properties
 *   `current` is the offset of the chosen entry
 */
export function Timeline({ entries, current, choose, follows }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [top, setTop] = useState(0);
  const height = 560;
  const { places, total } = layout(entries);
  useEffect(() => {
    const element = box.current;
    if (element && follows) element.scrollTop = element.scrollHeight;
  }, [entries.length, follows]);
  useEffect(() => {
    const element = box.current;
    const index = entries.findIndex((entry) => entry.offset === current);
    if (!element || index < 0) return;
    const place = places[index];
    if (place < element.scrollTop || place > element.scrollTop + element.clientHeight - ROW) {
      element.scrollTop = place - element.clientHeight / 2;
    }
  }, [current]);
  const first = Math.max(0, lowerBound(places, top - 4 * ROW));
  const last = Math.min(entries.length, lowerBound(places, top + height + 8 * ROW));
  const shown = entries.slice(first, last);
  return html`<div class="timeline" ref=${box} tabindex="0" role="region" aria-label=${`History, ${entries.length} entries`} onScroll=${(
    /** @type {any} */ event,
  ) => setTop(event.target.scrollTop)}>
    <div style=${{ height: `${total}px`, position: 'relative' }}>${
    shown.map((entry, index) =>
      html`<${Row} key=${entry.offset} entry=${entry} before=${entries[first + index - 1]} top=${
        places[first + index]
      } isCurrent=${entry.offset === current} choose=${choose} />`
    )
  }</div></div>`;
}

/** The first index whose value is not below a limit. @param {number[]} values @param {number} limit */
function lowerBound(values, limit) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @type {WeakMap<Entry[], {places: number[], total: number}>} */
const layouts = new WeakMap();

/** Where each entry stands; long pauses take a line, not their length. @param {Entry[]} entries */
function layout(entries) {
  const known = layouts.get(entries);
  if (known) return known;
  let at = 0;
  let before = 0;
  const places = entries.map((entry) => {
    const time = Date.parse(entry.at);
    if (before && time - before >= IDLE) at += GAP;
    before = time;
    const place = at;
    at += ROW;
    return place;
  });
  const made = { places, total: at };
  layouts.set(entries, made);
  return made;
}

/** @param {any} properties */
function Row({ entry, before, top, isCurrent, choose }) {
  const { icon, title, text } = describe(entry);
  const length = before ? Date.parse(entry.at) - Date.parse(before.at) : 0;
  const isIdle = before && length >= IDLE;
  return html`${
    isIdle
      ? html`<div class="gap" style=${{ top: `${top - GAP}px`, height: `${GAP}px` }}>${duration(length)} later</div>`
      : null
  }
    <button type="button" class="entry" style=${{ top: `${top}px`, height: `${ROW}px` }} aria-current=${
    isCurrent ? 'true' : undefined
  } onClick=${() => choose(entry.offset)}>
      <span class="at muted small-text number">${before && !isIdle ? pause(length) : ''}</span><${Icon} name=${icon} />
      <span class="text">${code(title)}<span class="sub">${text}</span></span><span class="muted small-text" title=${
    clockTime(entry.at)
  }>r${entry.revision}</span></button>`;
}

/**
 * The transitions that the steps of a history took, by their index in the definition.
 * @param {Entry[]} entries
 * @param {any} definition
 */
export function takenTransitions(entries, definition) {
  /** @type {Set<number>} */
  const taken = new Set();
  const isWithin = (/** @type {string} */ leaf, /** @type {string} */ state) =>
    state === '' || leaf === state || leaf.startsWith(state + '.');
  for (const { type, data } of entries) {
    if (type !== 'step' || data.disposition !== 'applied') continue;
    definition.transitions.forEach((/** @type {any} */ one, /** @type {number} */ index) => {
      const fits = data.event ? one.event === data.event.type : one.event === null;
      if (!fits || !data.from.some((/** @type {string} */ leaf) => isWithin(leaf, one.from))) return;
      const changes = data.from.join() !== data.to.join();
      if (one.to === null ? !changes : data.to.some((/** @type {string} */ leaf) => isWithin(leaf, one.to))) {
        taken.add(index);
      }
    });
  }
  return taken;
}

/**
 * The instance as it was after an entry: changes of all steps up to there, one over the other.
 * @param {Entry[]} entries
 * @param {number} index
 */
export function stateAt(entries, index) {
  /** @type {Record<string, any>} */
  let data = {};
  let before = data;
  /** @type {string[]} */
  let state = [];
  for (let at = 0; at <= index; at++) {
    const { type, data: body } = entries[at];
    if (type !== 'step') continue;
    before = data;
    if (body.changes) data = { ...data, ...body.changes };
    state = body.to ?? state;
  }
  return { data, before: entries[index]?.type === 'step' ? before : data, state };
}
