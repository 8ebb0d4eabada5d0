// The description of a name in a source, as editors show it, beside the pointer.
import { get, path } from '../api.js';
import { html, useEffect, useRef, useState } from '../preact.js';

/**
 * @typedef {{markdown: string, from: {line: number, column: number}, to: {line: number, column: number}}} Description
 */

/** The pause of the pointer before a description is loaded, in milliseconds. */
const PAUSE = 200;

/**
 * The position in a text under a point; null outside of its words.
 * @param {number} x @param {number} y @returns {{line: number, column: number} | null}
 */
function positionAt(x, y) {
  const range = document.caretRangeFromPoint?.(x, y);
  const node = range?.startContainer;
  const line = /** @type {HTMLElement | null | undefined} */ (node?.parentElement?.closest('.line'));
  if (!range || !line || node?.nodeType !== Node.TEXT_NODE) return null;
  const before = document.createRange();
  before.setStart(line, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const around = (node.textContent ?? '').slice(Math.max(0, range.startOffset - 1), range.startOffset + 1);
  if (!/[\w]/.test(around)) return null;
  const lines = [...(line.parentElement?.children ?? [])];
  return { line: lines.indexOf(line) + 1, column: [...before.toString()].length + 1 };
}

/**
 * A handler of the pointer for a source, and the description to show.
 * @param {string | undefined} flow @param {string | undefined} file
 */
export function useHover(flow, file) {
  const [shown, show] = useState(/** @type {{description: Description, x: number, y: number} | null} */ (null));
  const timer = useRef(0);
  const asked = useRef(new Map());
  useEffect(() => {
    const hide = (/** @type {KeyboardEvent} */ event) => event.key === 'Escape' && show(null);
    addEventListener('keydown', hide);
    return () => (clearTimeout(timer.current), removeEventListener('keydown', hide));
  }, []);
  if (!flow || !file) return { shown: null, handlers: {} };
  const ask = async (/** @type {number} */ x, /** @type {number} */ y) => {
    const place = positionAt(x, y);
    if (!place) return show(null);
    const query = new URLSearchParams({ file, line: String(place.line), column: String(place.column) });
    if (!asked.current.has(`${query}`)) {
      asked.current.set(`${query}`, get(`${path`/v1/flows/${flow}/hover`}?${query}`).then((one) => one.data.hover));
    }
    const description = await asked.current.get(`${query}`).catch(() => null);
    show(description && { description, x, y });
  };
  const later = (/** @type {MouseEvent} */ event) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => ask(event.clientX, event.clientY), PAUSE);
  };
  const leave = () => {
    clearTimeout(timer.current);
    show(null);
  };
  const now = (/** @type {MouseEvent} */ event) => ask(event.clientX, event.clientY);
  return { shown, handlers: { onMouseMove: later, onMouseLeave: leave, onClick: now, onScroll: leave } };
}

/** @param {{shown: {description: Description, x: number, y: number}}} properties */
export function Hover({ shown }) {
  const { description, x, y } = shown;
  const isLow = y > innerHeight / 2;
  return html`<div class="hover" role="tooltip" style=${{
    left: `${Math.max(8, Math.min(x, innerWidth - 440))}px`,
    ...(isLow ? { bottom: `${innerHeight - y + 14}px` } : { top: `${y + 18}px` }),
  }}>${blocks(description.markdown)}</div>`;
}

/** Paragraphs, lists and code of the Markdown of a description. @param {string} markdown */
function blocks(markdown) {
  return markdown.split(/(```flow\n[\s\S]*?\n```)|\n\n/).filter((part) => part?.trim()).map((part, index) => {
    const code = part.match(/^```flow\n([\s\S]*?)\n```$/);
    if (code) return html`<pre key=${index}>${code[1]}</pre>`;
    return html`<p key=${index}>${
      part.trim().split('\n').map((line, row) => [row ? html`<br />` : null, inline(line)])
    }</p>`;
  });
}

/** Code and emphasis in a line. @param {string} line */
function inline(line) {
  return line.replace(/^- /, '• ').split(/(`[^`]*`|\*\*[^*]*\*\*)/).map((part) =>
    part.startsWith('`') && part.length > 1
      ? html`<code>${part.slice(1, -1)}</code>`
      : part.startsWith('**') && part.length > 3
      ? html`<b>${part.slice(2, -2)}</b>`
      : part
  );
}
