// Data as a tree, with the fields that a step has changed.
import { html } from '../preact.js';
import { Icon } from './basics.js';

/**
 * @param {{data: any, before?: any, same?: (path: string[], value: any) => string}} properties
 *   `before` marks differences; `same` gives the address of the instances with the same value
 */
export function Tree({ data, before, same }) {
  if (data === null || typeof data !== 'object') return html`<div class="tree"><${Value} value=${data} /></div>`;
  const names = Object.keys(data);
  if (!names.length) return html`<p class="muted">No data.</p>`;
  return html`<div class="tree"><${Members} value=${data} before=${before} path=${[]} same=${same} /></div>`;
}

/** @param {any} properties */
function Members({ value, before, path, same }) {
  return html`<ul>${
    Object.entries(value).map(([name, one]) =>
      html`<${Member} key=${name} name=${name} value=${one} before=${
        before === undefined ? undefined : before?.[name] ?? null
      }
    path=${[...path, name]} same=${Array.isArray(value) ? undefined : same} />`
    )
  }</ul>`;
}

/** @param {any} properties */
function Member({ name, value, before, path, same }) {
  const isChanged = before !== undefined && JSON.stringify(before) !== JSON.stringify(value);
  const isNested = value !== null && typeof value === 'object' && Object.keys(value).length > 0;
  if (isNested) {
    return html`<li><details open=${path.length < 3 || isChanged}><summary><span class=${
      isChanged ? 'name changed' : 'name'
    }>${name}</span><span class="muted">${Array.isArray(value) ? `${value.length} items` : ''}</span></summary>
      <${Members} value=${value} before=${before} path=${path} same=${same} /></details></li>`;
  }
  return html`<li><span class="name">${name}</span><span class=${
    isChanged ? 'changed' : ''
  }><${Value} value=${value} /></span>
    ${
    isChanged && before !== null && typeof before !== 'object'
      ? html`<span class="was">${JSON.stringify(before)}</span>`
      : null
  }
    ${
    same && value !== null && value !== ''
      ? html`<a class="same" href=${
        same(path, value)
      } title="Instances with the same value" aria-label=${`Instances with the same ${name}`}><${Icon} name="search" /></a>`
      : null
  }</li>`;
}

/** @param {{value: any}} properties */
const Value = ({ value }) =>
  typeof value === 'string'
    ? html`<span>${JSON.stringify(value)}</span>`
    : html`<strong>${JSON.stringify(value)}</strong>`;

/**
 * A path and a value as a condition in CEL.
 * @param {string[]} path
 * @param {any} value
 */
export function condition(path, value) {
  const name = 'data' +
    path.map((part) => /^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`).join('');
  return `${name} == ${JSON.stringify(value)}`;
}
