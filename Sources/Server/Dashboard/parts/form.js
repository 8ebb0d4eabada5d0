// Forms made from JSON Schema: the data of an event.
import { html, useState } from '../preact.js';
import { Icon } from './basics.js';

/** @typedef {Record<string, any>} Schema */

/**
 * The schema behind references, and without `null`.
 * @param {Schema} schema
 * @param {Schema} root
 * @returns {Schema}
 */
export function resolve(schema, root) {
  if (schema.$ref) {
    const found = String(schema.$ref).replace(/^#\//, '').split('/').reduce((at, name) => at?.[name], root);
    return resolve({ ...found, ...(schema.title ? { title: schema.title } : {}) }, root);
  }
  const choice = (schema.anyOf ?? schema.oneOf)?.filter((/** @type {Schema} */ one) => one.type !== 'null');
  if (choice?.length === 1) return { ...resolve(choice[0], root), isNullable: true };
  if (Array.isArray(schema.type)) {
    return {
      ...schema,
      type: schema.type.find((/** @type {string} */ one) => one !== 'null'),
      isNullable: schema.type.includes('null'),
    };
  }
  return schema;
}

/**
 * A value to begin with: defaults and examples where the schema has them.
 * @param {Schema} given
 * @param {Schema} root
 * @param {number} [depth]
 * @returns {any}
 */
export function example(given, root, depth = 0) {
  const schema = resolve(given, root);
  if (given.default !== undefined) return given.default;
  if (schema.default !== undefined) return schema.default;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.enum) return schema.enum[0];
  if (schema.isNullable || depth > 4) return null;
  switch (schema.type) {
    case 'object': {
      const wanted = Object.entries(schema.properties ?? {});
      return Object.fromEntries(wanted.map(([name, one]) => [name, example(one, root, depth + 1)]));
    }
    case 'array':
      return schema.minItems || depth < 2 && resolve(schema.items ?? {}, root).type === 'object'
        ? [example(schema.items ?? {}, root, depth + 1)]
        : [];
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    default:
      return null;
  }
}

/**
 * The problem of a value that is larger than its schema allows; null for none.
 * @param {Schema} schema
 * @param {any} value
 * @returns {string | null}
 */
export function excess(schema, value) {
  const sizes = /** @type {[number | undefined, number, string, string][]} */ ([
    [schema.maxLength, typeof value === 'string' ? [...value].length : 0, 'character', 'characters'],
    [schema.maxItems, Array.isArray(value) ? value.length : 0, 'element', 'elements'],
    [schema.maxProperties, value && typeof value === 'object' ? Object.keys(value).length : 0, 'entry', 'entries'],
  ]);
  const found = sizes.find(([most, size]) => most !== undefined && size > most);
  if (!found) return null;
  const [most, size, one, many] = found;
  return `at most ${most} ${most === 1 ? one : many}, not ${size}`;
}

/**
 * A form for a value; the text form is always there for what the fields do not cover.
 * @param {{schema: Schema, value: any, change: (value: any) => void, violations?: {pointer: string, message: string}[]}} properties
 */
export function SchemaForm({ schema, value, change, violations = [] }) {
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const [isWrong, setWrong] = useState(false);
  const root = schema;
  const isEmpty = !Object.keys(resolve(schema, root).properties ?? {}).length;
  const edit = (/** @type {string} */ next) => {
    setText(next);
    try {
      change(JSON.parse(next));
      setWrong(false);
    } catch {
      setWrong(true);
    }
  };
  if (isEmpty) return html`<p class="muted">This event carries no data.</p>`;
  return html`<div class="form">
    ${
    text === null
      ? html`<${Members} schema=${
        resolve(schema, root)
      } root=${root} value=${value} change=${change} pointer="/data" violations=${violations} />`
      : html`<label>Data as JSON<textarea class="code" rows="8" spellcheck="false" aria-invalid=${isWrong} value=${text} onInput=${(
        /** @type {any} */ event,
      ) => edit(event.target.value)} />
        ${isWrong ? html`<span class="hint">This is not JSON yet.</span>` : null}</label>`
  }
    <div><button type="button" class="small quiet" onClick=${() =>
    setText(text === null ? JSON.stringify(value, null, 2) : null)}>${
    text === null ? 'Edit as JSON' : 'Edit as fields'
  }</button></div>
  </div>`;
}

/** @param {any} properties */
function Members({ schema, root, value, change, pointer, violations }) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, given]) =>
    html`<${Field} key=${name} name=${name} schema=${given} root=${root}
    isRequired=${required.has(name)} value=${value?.[name]} pointer=${`${pointer}/${name}`} violations=${violations}
    change=${(/** @type {any} */ next) => {
      const changed = { ...value, [name]: next };
      if (next === undefined) delete changed[name];
      change(changed);
    }} />`
  );
}

/** @param {any} properties */
function Field({ name, schema: given, root, isRequired, value, change, pointer, violations }) {
  const schema = resolve(given, root);
  const problem = violations.find((/** @type {any} */ one) => one.pointer === pointer)?.message ??
    excess(schema, value);
  const most = schema.maxItems ?? schema.maxProperties;
  const hint = [
    schema.description,
    isRequired ? '' : 'optional',
    schema.format === 'duration' ? 'such as 72h' : '',
    most === undefined ? '' : `at most ${most}`,
  ].filter(Boolean).join(' · ');
  const title = html`<span>${name}${hint ? html` <span class="hint">${hint}</span>` : null}</span>`;
  const error = problem ? html`<span class="hint" role="alert">⚠ ${problem}</span>` : null;
  if (schema.enum) {
    return html`<label>${title}<select value=${value} onChange=${(/** @type {any} */ event) =>
      change(event.target.value)}>
      ${
      schema.enum.map((/** @type {any} */ one) => html`<option key=${one} value=${one}>${one}</option>`)
    }</select>${error}</label>`;
  }
  if (schema.type === 'boolean') {
    return html`<label class="check"><input type="checkbox" checked=${value === true} onChange=${(
      /** @type {any} */ event,
    ) => change(event.target.checked)} />${title}${error}</label>`;
  }
  if (schema.type === 'object' && schema.properties) {
    return html`<fieldset><legend>${title}</legend><${Members} schema=${schema} root=${root} value=${
      value ?? {}
    } change=${change} pointer=${pointer} violations=${violations} />${error}</fieldset>`;
  }
  if (schema.type === 'array') {
    return html`<${Items} title=${title} schema=${schema} root=${root} value=${
      value ?? []
    } change=${change} pointer=${pointer} violations=${violations} error=${error} />`;
  }
  return html`<${Scalar} title=${title} schema=${schema} value=${value} change=${change} error=${error} />`;
}

/** @param {any} properties */
function Scalar({ title, schema, value, change, error }) {
  const isNumber = schema.type === 'integer' || schema.type === 'number';
  const isText = schema.type === 'string';
  const [raw, setRaw] = useState(isText || isNumber ? null : JSON.stringify(value ?? null));
  const read = (/** @type {string} */ text) => {
    if (isText) return change(text === '' && schema.isNullable ? null : text);
    if (isNumber) return change(text === '' ? (schema.isNullable ? null : undefined) : Number(text));
    setRaw(text);
    try {
      change(JSON.parse(text));
    } catch { /* The last valid value stays. */ }
  };
  return html`<label>${title}<input type=${isNumber ? 'number' : 'text'} step=${
    schema.type === 'integer' ? 1 : 'any'
  } value=${raw ?? value ?? ''}
    aria-invalid=${error ? 'true' : undefined} autocomplete="off" onInput=${(/** @type {any} */ event) =>
    read(event.target.value)} />${error}</label>`;
}

/** @param {any} properties */
function Items({ title, schema, root, value, change, pointer, violations, error }) {
  const item = schema.items ?? {};
  const isObject = resolve(item, root).type === 'object';
  const replace = (/** @type {number} */ index, /** @type {any} */ next) =>
    change(value.map((/** @type {any} */ one, /** @type {number} */ at) => at === index ? next : one));
  return html`<fieldset><legend>${title}</legend>
    ${
    value.map((/** @type {any} */ one, /** @type {number} */ index) =>
      html`<div key=${index} class=${isObject ? 'stack' : 'row'}>
      <${Field} name=${
        isObject ? `${index + 1}` : `Item ${index + 1}`
      } schema=${item} root=${root} isRequired=${true} value=${one} pointer=${`${pointer}/${index}`} violations=${violations} change=${(
        /** @type {any} */ next,
      ) => replace(index, next)} />
      <button type="button" class="small quiet" onClick=${() =>
        change(value.filter((/** @type {any} */ _, /** @type {number} */ at) => at !== index))}>Remove ${
        index + 1
      }</button></div>`
    )
  }
    <div><button type="button" class="small" disabled=${value.length >= (schema.maxItems ?? Infinity)} onClick=${() =>
    change([...value, example(item, root, 1)])}><${Icon} name="plus" />Add</button></div>${error}</fieldset>`;
}
