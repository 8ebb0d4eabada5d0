// The diagram of a flow: laid out by the server, styled by the page, with a list of the same states beside it.
import { html, useEffect, useRef, useState } from '../preact.js';
import { base } from '../api.js';
import { code, Icon } from './basics.js';

/** @type {Map<string, Promise<SVGElement>>} */
const loaded = new Map();

/**
 * The picture. A document that a request parses is no sink of Trusted Types, other than `innerHTML`.
 * @param {string} path
 * @returns {Promise<SVGElement>}
 */
function picture(path) {
  const known = loaded.get(path);
  if (known) return known;
  const promise = new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', new URL(path.slice(1), base));
    request.setRequestHeader('Accept', 'image/svg+xml');
    request.responseType = 'document';
    request.onload = () => {
      const element = request.responseXML?.documentElement;
      if (request.status === 200 && element instanceof SVGElement) resolve(element);
      else {reject(
          new Error(
            request.status === 501
              ? 'Pictures need Graphviz (`dot`) on the server.'
              : `The picture could not be loaded (${request.status}).`,
          ),
        );}
    };
    request.onerror = () => reject(new Error('The server cannot be reached.'));
    request.send();
  });
  loaded.set(path, promise);
  promise.catch(() => loaded.delete(path));
  return promise;
}

/**
 * @param {{path: string, definition: any, active?: string[], taken?: Set<number>, choose?: (state: string) => void,
 *   counts?: Record<string, number>, calls?: any[], measured?: (width: number) => void}} properties
 *   `taken` has the transitions that ran, by index; `calls` the steps of an instance with their status;
 *   `choose` is called with the chosen state, or with an empty text
 */
export function Diagram({ path, definition, active = [], taken, choose, counts, calls = [], measured }) {
  const canvas = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [error, setError] = useState('');
  const [isFull, setFull] = useState(false);
  const [size, setSize] = useState(0);
  const [chosen, setChosen] = useState('');
  const pick = (/** @type {string} */ name) => {
    const next = name === chosen ? '' : name;
    setChosen(next);
    choose?.(next.startsWith('transition.') ? '' : next);
  };
  const current = useRef(pick);
  current.current = pick;
  useEffect(() => {
    let isCurrent = true;
    picture(path).then((source) => {
      if (!isCurrent || !canvas.current) return;
      const copy = /** @type {SVGElement} */ (document.importNode(source, true));
      prepare(copy, definition, (name) => current.current(name));
      canvas.current.replaceChildren(copy);
      setError('');
      const width = Number(copy.getAttribute('viewBox')?.split(' ')[2] ?? 0);
      setSize(width);
      measured?.(width);
    }, (reason) => {
      if (!isCurrent) return;
      setError(reason.message);
      measured?.(0);
    });
    return () => {
      isCurrent = false;
    };
  }, [path, definition?.definition]);
  const marks = JSON.stringify([active, taken ? [...taken] : null, chosen, counts, calls]);
  useEffect(() => {
    if (canvas.current) mark(canvas.current, { active, taken, chosen, counts, calls });
  }, [marks, size, path]);
  return html`<figure class=${isFull ? 'diagram full stack' : 'diagram stack'} style=${{ margin: 0 }}>
    ${
    error
      ? html`<p class="note">${error}</p>`
      : html`<div class="canvas" ref=${canvas} tabindex="0" role="group" aria-label=${`Diagram of ${
        definition?.name ?? 'the flow'
      }; the same as a list follows`}></div>`
  }
    ${
    chosen && definition
      ? html`<${Chosen} name=${chosen} definition=${definition} close=${() => pick(chosen)} />`
      : null
  }
    <figcaption class="bar">
      <${TextForm} definition=${definition} active=${active} choose=${pick} />
      ${
    error
      ? null
      : html`<button type="button" class="small quiet" aria-pressed=${isFull ? 'true' : 'false'} onClick=${() =>
        setFull(!isFull)}>${isFull ? 'Fit' : 'Actual size'}</button>`
  }
    </figcaption></figure>`;
}

/**
 * The whole text of a state or a transition that is chosen in the picture.
 * @param {{name: string, definition: any, close: () => void}} properties
 */
function Chosen({ name, definition, close }) {
  const index = name.startsWith('transition.') ? Number(name.slice('transition.'.length)) : -1;
  const way = definition.transitions[index];
  const ways = way ? [way] : definition.transitions.filter((/** @type {any} */ one) => one.from === name);
  return html`<div class="note" role="status"><div class="bar"><strong>${
    way ? `${way.from || 'any state'} → ${way.to ?? 'stays'}` : name
  }</strong><button type="button" class="small quiet icon-only" aria-label="Close the description" onClick=${close}><${Icon} name="close" /></button></div>${
    ways.length
      ? html`<ul>${
        ways.map((/** @type {any} */ one) =>
          html`<li>${code(one.label)}${way ? '' : one.to ? ` → ${one.to}` : ' (stays)'}${
            one.guard ? html`<div><code>when ${one.guard}</code></div>` : null
          }</li>`
        )
      }</ul>`
      : html`<p>Nothing leads out of it.</p>`
  }</div>`;
}

/** The element of a transition: an edge, or a line in the box of its state. @param {ParentNode} within @param {number} index */
function transitionElement(within, index) {
  return within.querySelector(`[id="transition.${index}"]`) ?? within.querySelector(`[id="a_transition.${index}"]`);
}

/**
 * Gives the parts of the picture their classes, names and keys.
 * @param {SVGElement} svg
 * @param {any} definition
 * @param {(name: string) => void} choose called with a state, or with the id of a transition
 */
function prepare(svg, definition, choose) {
  const [, , width = 0, height = 1] = svg.getAttribute('viewBox')?.split(' ').map(Number) ?? [];
  svg.removeAttribute('width');
  svg.removeAttribute('height');
  svg.style.width = `${Math.round(width * 1.2)}px`;
  svg.style.setProperty('--aspect', `${width / height}`);
  svg.style.setProperty('--readable', `${Math.round(width * .95)}px`);
  // Smaller than this nobody reads it: it scrolls instead.
  svg.style.minWidth = `${Math.round(width * .8)}px`;
  svg.setAttribute('role', 'presentation');
  svg.querySelectorAll('title').forEach((title) => title.remove());
  // Lines in boxes are links, to have an id and a tooltip; they lead nowhere.
  svg.querySelectorAll('a').forEach((anchor) => anchor.removeAttributeNS('http://www.w3.org/1999/xlink', 'href'));
  raiseLabels(svg);
  (definition?.transitions ?? []).forEach((/** @type {any} */ _, /** @type {number} */ index) => {
    transitionElement(svg, index)?.addEventListener('click', (event) => {
      event.stopPropagation();
      choose(`transition.${index}`);
    });
  });
  for (const state of definition?.states ?? []) {
    const element = svg.querySelector(`[id="${`state.${state.path}`}"]`);
    if (!element) continue;
    element.classList.remove('active');
    if (state.kind === 'final' || state.kind === 'failed') element.classList.add(state.kind);
    element.setAttribute('tabindex', '0');
    element.setAttribute('role', 'button');
    element.setAttribute('aria-label', `State ${state.path}`);
    element.addEventListener('click', () => choose(state.path));
    element.addEventListener('keydown', (event) => {
      const { key } = /** @type {KeyboardEvent} */ (event);
      if (key === 'Enter' || key === ' ') choose(state.path);
      else if (key === 'ArrowDown' || key === 'ArrowRight') follow(svg, definition, state.path, 'from', 'to');
      else if (key === 'ArrowUp' || key === 'ArrowLeft') follow(svg, definition, state.path, 'to', 'from');
      else return;
      event.preventDefault();
    });
  }
}

/** Draws the labels of edges over all lines, so that none crosses a text. @param {SVGElement} svg */
function raiseLabels(svg) {
  const graph = svg.querySelector('g.graph');
  if (!graph) return;
  for (const edge of svg.querySelectorAll('g.edge')) {
    const texts = [...edge.querySelectorAll('text')];
    if (!texts.length) continue;
    const label = document.createElementNS('http://www.w3.org/2000/svg', 'g');
    label.setAttribute('class', 'label');
    label.dataset.of = edge.id;
    const title = texts[0].closest('a')?.getAttributeNS('http://www.w3.org/1999/xlink', 'title');
    if (title) {
      const tooltip = document.createElementNS('http://www.w3.org/2000/svg', 'title');
      tooltip.textContent = title;
      label.append(tooltip);
    }
    label.append(...texts);
    label.addEventListener('click', () => edge.dispatchEvent(new MouseEvent('click')));
    graph.append(label);
  }
}

/**
 * Moves the focus along a transition.
 * @param {SVGElement} svg
 * @param {any} definition
 * @param {string} state
 * @param {'from' | 'to'} near
 * @param {'from' | 'to'} far
 */
function follow(svg, definition, state, near, far) {
  const next = definition.transitions.find((/** @type {any} */ one) =>
    one[near] === state && one[far] && one[far] !== state
  );
  if (next) /** @type {any} */ (svg.querySelector(`[id="state.${next[far]}"]`))?.focus();
}

/**
 * Marks what is active, chosen and was taken.
 * @param {HTMLElement} canvas
 * @param {{active: string[], taken?: Set<number>, chosen?: string, counts?: Record<string, number>, calls: any[]}} marks
 */
function mark(canvas, { active, taken, chosen, counts, calls }) {
  const around = new Set(
    active.flatMap((path) => path.split('.').map((_, index, parts) => parts.slice(0, index + 1).join('.'))),
  );
  canvas.querySelectorAll('[id^="state."]').forEach((element) => {
    const path = element.id.slice('state.'.length);
    element.classList.toggle('active', around.has(path));
    element.classList.toggle('chosen', path === chosen);
    const number = counts?.[path] ?? 0;
    const name = `State ${path}${around.has(path) ? ', active' : ''}${number ? `, ${number} running` : ''}`;
    element.setAttribute('aria-label', name);
  });
  canvas.querySelectorAll('[id^="step."]').forEach((element) => {
    const call = calls.find((one) => element.id === `step.${one.state}.${one.name}`);
    element.setAttribute('class', `node step ${call?.status ?? ''}`);
  });
  const shown = canvas.querySelector('.node.active');
  if (shown) {
    const [box, frame] = [shown.getBoundingClientRect(), canvas.getBoundingClientRect()];
    canvas.scrollBy(
      box.left + box.width / 2 - frame.left - frame.width / 2,
      box.top + box.height / 2 - frame.top - frame.height / 2,
    );
  }
  canvas.querySelectorAll('[id^="transition."], [id^="a_transition."], .label').forEach((element) => {
    const id = /** @type {HTMLElement} */ (element).dataset.of ?? element.id;
    const match = id.match(/^(?:a_)?transition\.(\d+)$/);
    if (!match) return;
    const index = Number(match[1]);
    element.classList.toggle('taken', !!taken?.has(index));
    element.classList.toggle('never', !!taken && !taken.has(index));
    element.classList.toggle('chosen', chosen === `transition.${index}`);
  });
}

/** The diagram as a list: each state with the ways out of it. @param {any} properties */
function TextForm({ definition, active, choose }) {
  if (!definition?.states) return html`<span></span>`;
  return html`<details><summary class="muted">As a list</summary><ul>${
    definition.states.map((/** @type {any} */ state) =>
      html`<li key=${state.path}>
    ${
        choose
          ? html`<button type="button" class="small quiet" onClick=${() => choose(state.path)}>${state.path}</button>`
          : html`<strong>${state.path}</strong>`
      }
    ${active.includes(state.path) ? html` <${Icon} name="running" /> active` : ''}${
        state.kind === 'final' || state.kind === 'failed' ? html` <span class="muted">${state.kind}</span>` : ''
      }
    ${state.calls?.length ? html` <span class="muted">calls ${state.calls.join(', ')}</span>` : ''}
    <ul>${
        definition.transitions.filter((/** @type {any} */ one) => one.from === state.path).map((
          /** @type {any} */ one,
        ) => html`<li>${one.label}${one.to ? html` → ${one.to}` : ' (stays)'}</li>`)
      }</ul></li>`
    )
  }</ul></details>`;
}
