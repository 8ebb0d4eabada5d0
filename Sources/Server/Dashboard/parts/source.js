// The text of a flow with numbered lines, and the difference of two texts.
import { html, useEffect, useRef } from '../preact.js';
import { Hover, useHover } from './hover.js';

const KEYWORDS = new Set(
  'import type enum event action flow role test fn let data key invariant ongoing start on when by do state final failed parallel region history entry exit call steps after every at cron tz always ignore defer emit raise log retry timeout backoff only fails once undo rollback from webhook secret header expect send version'
    .split(' '),
);

/** A line with its comment, strings and words of the language set apart. @param {string} line */
function colored(line) {
  return line.split(/(\/\/.*$|"(?:[^"\\]|\\.)*"|\b[a-z]+\b)/).map((part) => {
    if (part.startsWith('//')) return html`<span class="comment">${part}</span>`;
    if (part.startsWith('"')) return html`<span class="string">${part}</span>`;
    return KEYWORDS.has(part) ? html`<span class="word">${part}</span>` : part;
  });
}

/**
 * @param {{text: string, lit?: Set<number>, label: string, marks?: Map<number, string>, flow?: string, file?: string}} properties
 *   `lit` has line numbers from 1; with `flow` and `file`, names are described under the pointer
 */
export function Source({ text, lit = new Set(), label, marks, flow, file }) {
  const { shown, handlers } = useHover(flow, file);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const first = Math.min(...lit);
  useEffect(() => {
    const line = box.current?.querySelector('.lit');
    if (line && box.current) box.current.scrollTop = /** @type {HTMLElement} */ (line).offsetTop - 60;
  }, [first]);
  return html`<pre class="source" ref=${box} tabindex="0" aria-label=${label} style=${{
    maxHeight: '68vh',
    position: 'relative',
  }} ...${handlers}><code>${
    text.replace(/\n$/, '').split('\n').map((line, index) =>
      html`<span key=${index} class=${'line' + (lit.has(index + 1) ? ' lit' : '')} title=${marks?.get(index + 1)}>${
        colored(line)
      }${'\n'}</span>`
    )
  }</code></pre>${shown ? html`<${Hover} shown=${shown} />` : null}`;
}

/** The lines that belong to a state: from its heading to the bracket that closes it. @param {string} text @param {string} state */
export function linesOf(text, state) {
  const lines = text.split('\n');
  const name = state.split('.').pop() ?? '';
  const heading = new RegExp(`^(\\s*)(state|final|failed|parallel|region|initial state)\\s+${name}\\b`);
  const start = lines.findIndex((line) => heading.test(line));
  /** @type {Set<number>} */
  const found = new Set();
  if (start < 0) return found;
  let depth = 0;
  for (let index = start; index < lines.length; index++) {
    const bare = lines[index].replace(/"(?:[^"\\]|\\.)*"|\/\/.*$/g, '');
    depth += (bare.match(/{/g)?.length ?? 0) - (bare.match(/}/g)?.length ?? 0);
    found.add(index + 1);
    if (depth <= 0) break;
  }
  return found;
}

/**
 * The lines of two texts in order: kept, removed, added (by the longest common subsequence).
 * @param {string} before @param {string} after
 */
export function difference(before, after) {
  const a = before.split('\n');
  const b = after.split('\n');
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [x, y] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  /** @type {{kind: string, text: string}[]} */
  const middle = [];
  if (x.length * y.length > 4_000_000) {
    middle.push(...x.map((text) => ({ kind: 'removed', text })), ...y.map((text) => ({ kind: 'added', text })));
  } else {
    const width = y.length + 1;
    const table = new Uint32Array((x.length + 1) * width);
    for (let i = x.length - 1; i >= 0; i--) {
      for (let j = y.length - 1; j >= 0; j--) {
        table[i * width + j] = x[i] === y[j]
          ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
      }
    }
    let [i, j] = [0, 0];
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) middle.push({ kind: '', text: (j++, x[i++]) });
      else if (i < x.length && (j === y.length || table[(i + 1) * width + j] >= table[i * width + j + 1])) {
        middle.push({ kind: 'removed', text: x[i++] });
      } else middle.push({ kind: 'added', text: y[j++] });
    }
  }
  const kept = (/** @type {string[]} */ lines) => lines.map((text) => ({ kind: '', text }));
  return [...kept(a.slice(0, start)), ...middle, ...kept(a.slice(a.length - end))];
}

/** Changed lines with some around them. @param {{before: string, after: string}} properties */
export function Difference({ before, after }) {
  const lines = difference(before, after);
  const near = lines.map((_, index) => lines.slice(Math.max(0, index - 3), index + 4).some((line) => line.kind));
  if (!near.some(Boolean)) return html`<p class="muted">The texts are the same.</p>`;
  return html`<pre class="source diff" tabindex="0" aria-label="Difference"><code>${
    lines.map((line, index) =>
      near[index]
        ? html`<span key=${index} class=${`line ${line.kind}`}>${
          line.kind === 'added' ? '+ ' : line.kind === 'removed' ? '− ' : '  '
        }${line.text}${'\n'}</span>`
        : near[index - 1]
        ? html`<span key=${index} class="line muted">⋯${'\n'}</span>`
        : null
    )
  }</code></pre>`;
}
