// The API by resource, from its own OpenAPI document, with a form that sends each request.
import { html, useEffect, useMemo, useState } from '../preact.js';
import { get, missing, Problem, send, useLoad } from '../api.js';
import { link } from '../app.js';
import { code, Commands, Empty, Loading, ProblemNote } from '../parts/basics.js';
import { curl } from '../parts/send.js';

/** @typedef {{id: string, method: string, path: string, operation: any}} Operation */

/** @param {{route: import('../app.js').Route}} properties */
export default function API({ route }) {
  const loaded = useLoad(async (signal) => (await get('/openapi.json', { signal })).data, []);
  const chosen = route.path[1];
  const groups = useMemo(() => loaded.data ? byResource(loaded.data) : [], [loaded.data]);
  if (loaded.error) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  const operation = groups.flatMap(({ operations }) => operations).find(({ id }) => id === chosen);
  return html`<header class="head"><h1>API</h1><p class="muted">Every request of the dashboard, and more. For programs: <a href="../openapi.json">OpenAPI</a>, <a href="../asyncapi.json">AsyncAPI</a>; to read: <a href="../docs">documentation</a>.</p></header>
    <div class="split api"><div class="stack" role="group" aria-label="Requests">${
    groups.map(({ name, operations }) =>
      html`<section key=${name} class="card stack"><h2>${name}</h2><ul class="requests">${
        operations.map((one) =>
          html`<li key=${one.id}><a href=${link(['api', one.id])} aria-current=${
            one.id === chosen ? 'true' : undefined
          }><span class="method">${one.method}</span><span><code>${one.path}</code><span class="muted small-text">${
            code(one.operation.summary)
          }</span></span></a></li>`
        )
      }</ul></section>`
    )
  }</div>
    ${
    operation
      ? html`<${Request} key=${operation.id} document=${loaded.data} request=${operation} />`
      : html`<section class="card"><${Empty} title="Try a request">Choose one to fill in its form and send it with your key.</${Empty}></section>`
  }</div>`;
}

/** @param {any} document @returns {{name: string, operations: Operation[]}[]} */
function byResource(document) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      operation,
    }))
  );
  return document.tags.map((/** @type {any} */ tag) => ({
    name: tag.name,
    operations: operations.filter(({ operation }) => operation.tags.includes(tag.name)),
  })).filter((/** @type {any} */ group) => group.operations.length);
}

/** Requests whose response never ends, or that are for browsers themselves. */
const isOpenEnded = (/** @type {string} */ path) => path === '/v1/live' || path.startsWith('/ui');

/** @param {{document: any, request: Operation}} properties */
function Request({ document, request: { method, path, operation } }) {
  const [values, setValues] = useState(() => initial(operation));
  const type = Object.keys(operation.requestBody?.content ?? {})[0];
  const content = operation.requestBody?.content[type];
  const [body, setBody] = useState(() => content ? textOf(content.example, type) : '');
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const scope = operation['x-scope'];
  const reason = scope === 'open' || scope === 'work' && !missing('work') ? '' : missing(scope);
  const { address, headers } = addressed(path, operation, values);
  const isJSON = /json$/.test(type ?? '');
  let data = /** @type {any} */ (undefined);
  let isWrong = false;
  try {
    data = content ? (isJSON ? JSON.parse(body || '{}') : body) : undefined;
  } catch {
    isWrong = true;
  }
  useEffect(() => setAnswer(null), [path, method]);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setProblem(null);
    const begin = performance.now();
    try {
      const response = await send(method, address, {
        body: content ? body || '{}' : undefined,
        type,
        headers,
        accept: '*/*',
      });
      const text = await response.text();
      setAnswer({
        status: response.status,
        milliseconds: Math.round(performance.now() - begin),
        fields: [...response.headers].filter(([name]) => ['etag', 'location', 'retry-after'].includes(name)),
        text: pretty(text),
      });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return html`<section class="stack"><form class="card form" onSubmit=${submit}><div class="bar"><h2><span class="method">${method}</span> <code>${path}</code></h2><span class="muted small-text">scope ${scope}</span></div>
      <p>${code(operation.summary)}.</p>
      ${
    (operation.parameters ?? []).map((/** @type {any} */ one) =>
      html`<${Parameter} key=${one.in + one.name} parameter=${one} value=${values[one.name] ?? ''} change=${(
        /** @type {string} */ text,
      ) => setValues({ ...values, [one.name]: text })} />`
    )
  }
      ${
    content
      ? html`<label>Body <span class="hint">${type}</span><textarea class="code" rows="8" spellcheck="false" aria-invalid=${
        isWrong ? 'true' : undefined
      } value=${body} onInput=${(/** @type {any} */ event) => setBody(event.target.value)} />${
        isWrong ? html`<span class="hint">This is not JSON yet.</span>` : null
      }</label>`
      : null
  }
      ${
    isOpenEnded(path)
      ? html`<p class="note">The response does not end, or is a page: use the command.</p>`
      : html`<div class="actions"><button class="primary" disabled=${
        isWrong || !!reason
      } title=${reason}>Send</button></div>`
  }
      <${ProblemNote} problem=${problem} /><${Commands} commands=${[[
    'curl',
    curl(method, address, data, headers),
  ]]} /></form>
    ${
    answer
      ? html`<section class="card stack" role="status"><div class="bar"><h2>Response</h2><span class=${`status ${
        answer.status < 400 ? 'done' : 'failed'
      }`}>${answer.status}</span></div><p class="muted small-text">${answer.milliseconds} ms${
        answer.fields.map((/** @type {[string, string]} */ [name, value]) => html` · <code>${name}: ${value}</code>`)
      }</p>${answer.text ? html`<pre tabindex="0">${answer.text}</pre>` : null}</section>`
      : null
  }
    <section class="card stack"><h2>Responses</h2><dl class="facts">${
    Object.entries(operation.responses).map(([status, one]) =>
      html`<dt>${status}</dt><dd>${code(one.description.split('\n\n')[0])}</dd>`
    )
  }</dl>${
    content
      ? html`<details><summary class="muted">Schema of the body</summary><pre tabindex="0">${
        JSON.stringify(content.schema.$ref ? resolved(document, content.schema.$ref) : content.schema, null, 2)
      }</pre></details>`
      : null
  }</section></section>`;
}

/** @param {any} document @param {string} pointer */
const resolved = (document, pointer) =>
  pointer.replace(/^#\//, '').split('/').reduce((at, name) => at?.[name], document);

/** @param {{parameter: any, value: string, change: (text: string) => void}} properties */
function Parameter({ parameter, value, change }) {
  const choices = parameter.schema?.enum;
  const hint = [parameter.in === 'path' ? '' : parameter.in, parameter.description].filter(Boolean).join(' · ');
  const title = html`<span>${parameter.name} <span class="hint">${code(hint)}</span></span>`;
  const edit = (/** @type {any} */ event) => change(event.target.value);
  if (choices) {
    return html`<label>${title}<select value=${value} onChange=${edit}>${
      parameter.required ? null : html`<option value=""></option>`
    }${
      choices.map((/** @type {string} */ one) => html`<option key=${one} value=${one}>${one}</option>`)
    }</select></label>`;
  }
  return html`<label>${title}<input value=${value} required=${
    parameter.required ? true : undefined
  } onInput=${edit} autocomplete="off" spellcheck="false" /></label>`;
}

/** Values of the path to begin with. @param {any} operation */
function initial(operation) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const one of operation.parameters ?? []) if (one.required) values[one.name] = one.schema?.enum?.[0] ?? '';
  return values;
}

/** @param {string} path @param {any} operation @param {Record<string, string>} values */
function addressed(path, operation, values) {
  /** @type {Record<string, string>} */
  const headers = {};
  const members = new URLSearchParams();
  let address = path;
  for (const { name, in: place } of operation.parameters ?? []) {
    const value = values[name] ?? '';
    if (place === 'path') address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (!value) continue;
    else if (place === 'query') members.set(name, value);
    else headers[name] = value;
  }
  const query = members.toString();
  return { address: address + (query ? '?' + query : ''), headers };
}

/** @param {any} example @param {string} type */
function textOf(example, type) {
  if (example === undefined) return /json$/.test(type) ? '{}' : '';
  return typeof example === 'string' ? example : JSON.stringify(example, null, 2);
}

/** @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.slice(0, 200_000);
  }
}
