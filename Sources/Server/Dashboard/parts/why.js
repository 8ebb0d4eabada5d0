// Why an event is accepted or refused: each candidate with its guard, and each part of the guard with its value.
import { html } from '../preact.js';
import { code, Icon } from './basics.js';

/** @param {{explanation: any[], guards?: Record<string, string>}} properties `guards` has the text of guards by location */
export function Why({ explanation, guards = {} }) {
  if (!explanation?.length) return null;
  return html`<ul class="why">${
    explanation.map((item, index) => html`<${Candidate} key=${index} item=${item} guards=${guards} />`)
  }</ul>`;
}

/** @param {any} properties */
function Candidate({ item, guards }) {
  if (item.expression && !item.state) return html`<li><${Part} node=${item.expression} text="" offset=${0} /></li>`;
  const isGood = item.verdict === 'holds';
  const source = item.guard?.expression ?? guards[item.at] ?? '';
  return html`<li class=${isGood ? 'true' : item.verdict ? 'false' : ''}>
    ${
    item.verdict
      ? html`<span class="verdict"><${Icon} name=${isGood ? 'done' : 'failed'} />${item.verdict}</span> `
      : null
  }
    <span>in <code>${item.state || 'any state'}</code>${
    item.target ? html` to <code>${item.target}</code>` : ''
  }</span> <span class="muted small-text">${item.at}</span>
    ${item.roles?.length ? html`<div class="small-text">by ${item.roles.join(' or ')}</div>` : null}
    ${source ? html`<div><code>when ${source}</code></div>` : null}
    ${
    item.guard && item.guard.outcome
      ? html`<ul class="why"><${Part} node=${item.guard} text=${source} offset=${item.guard.from} /></ul>`
      : null
  }
  </li>`;
}

/**
 * A part of an expression with its value; parts that are no more than their only child are left out.
 * @param {any} properties
 */
function Part({ node, text, offset }) {
  const bytes = new TextEncoder().encode(text);
  const source = text ? new TextDecoder().decode(bytes.slice(node.from - offset, node.to - offset)) : '';
  const name = node.name ?? source;
  const kind = node.outcome === 'error'
    ? 'error'
    : node.outcome === 'not evaluated'
    ? 'skipped'
    : node.value === true
    ? 'true'
    : node.value === false
    ? 'false'
    : '';
  const value = node.outcome === 'value'
    ? JSON.stringify(node.value)
    : node.outcome === 'error'
    ? node.message
    : node.outcome;
  return html`<li class=${kind}>${name ? html`<code>${name}</code> ` : null}<span class="verdict">${
    kind === 'true'
      ? html`<${Icon} name="done" />`
      : kind === 'false' || kind === 'error'
      ? html`<${Icon} name="failed" />`
      : '='
  } ${code(value ?? '')}</span>
    ${
    node.children?.length
      ? html`<ul class="why">${
        node.children.map((/** @type {any} */ child, /** @type {number} */ index) =>
          html`<${Part} key=${index} node=${child} text=${text} offset=${offset} />`
        )
      }</ul>`
      : null
  }</li>`;
}
