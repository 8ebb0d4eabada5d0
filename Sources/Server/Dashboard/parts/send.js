// Sending an event: the form, its preview, the commands that do the same, and why it was refused.
import { html, useMemo, useState } from '../preact.js';
import { base, identity, missing, path, post, Problem } from '../api.js';
import { Commands, Dialog, ProblemNote, States, toast } from './basics.js';
import { example, SchemaForm } from './form.js';
import { Why } from './why.js';

/** A name for an attempt, so that a repeated request has no second effect. */
export function idempotencyKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string} flow
 * @param {string | undefined} key undefined starts an instance
 */
const address = (flow, key) =>
  key === undefined ? path`/v1/flows/${flow}/instances` : path`/v1/flows/${flow}/instances/${key}/events`;

/**
 * Sends an event.
 * @param {{flow: string, key?: string, event: string, data: any, revision?: number, dryRun?: boolean, once?: string}} what
 */
export async function sendEvent({ flow, key, event, data, revision, dryRun, once }) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (revision !== undefined) headers['If-Match'] = `"${revision}"`;
  if (once && !dryRun) headers['Idempotency-Key'] = once;
  return (await post(address(flow, key) + (dryRun ? '?dryRun=true' : ''), { event, data }, { headers })).data;
}

/**
 * A line for the shell. @param {string} method @param {string} path @param {any} [body] @param {Record<string, string>} [headers]
 */
export function curl(method, path, body, headers = {}) {
  const quote = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const { name, roles } = identity();
  const all = {
    ...headers,
    ...(name ? { 'Flow-Caller': name } : {}),
    ...(roles.length ? { 'Flow-Roles': roles.join(', ') } : {}),
  };
  const fields = Object.entries(all).map(([field, value]) => ` \\\n  -H ${quote(`${field}: ${value}`)}`).join('');
  const verb = body !== undefined ? ` --json ${quote(JSON.stringify(body))}` : method === 'GET' ? '' : ` -X ${method}`;
  return `curl ${new URL(path.slice(1), base)}${verb}${fields}`;
}

/** @param {string} text */
export const shell = (text) => /^[\w.@:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * @param {{flow: string, instanceKey?: string, event: {name: string, schema: any}, revision?: number,
 *   done: (answer: any) => void, label?: string}} properties
 */
export function EventForm({ flow, instanceKey, event, revision, done, label }) {
  const [data, change] = useState(() => example(event.schema, event.schema));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [isBusy, setBusy] = useState(false);
  const [newest, setNewest] = useState(/** @type {number | undefined} */ (undefined));
  const once = useMemo(idempotencyKey, [JSON.stringify(data)]);
  const used = newest ?? revision;
  const run = async (/** @type {boolean} */ dryRun) => {
    setBusy(true);
    setProblem(null);
    setPreview(null);
    try {
      const answer = await sendEvent({ flow, key: instanceKey, event: event.name, data, revision: used, dryRun, once });
      if (dryRun) setPreview(answer);
      else done(answer);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const reason = missing('send');
  const submit = (/** @type {Event} */ submitted) => {
    submitted.preventDefault();
    run(false);
  };
  return html`<form class="form" onSubmit=${submit} novalidate>
    <${SchemaForm} schema=${event.schema} value=${data} change=${change} violations=${problem?.members.violations} />
    <${Refusal} problem=${problem} newer=${(/** @type {number} */ number) => {
    setNewest(number);
    setProblem(null);
  }} />
    ${preview ? html`<${Preview} answer=${preview} />` : null}
    <div class="actions"><button type="button" disabled=${isBusy || !!reason} title=${reason} onClick=${() =>
    run(true)}>Preview</button>
      <button class="primary" disabled=${isBusy || !!reason} title=${reason}>${
    label ?? `Send ${event.name}`
  }</button></div>
    <${Commands} commands=${[[
    'curl',
    curl(
      'POST',
      address(flow, instanceKey),
      { event: event.name, data },
      used === undefined ? {} : { 'If-Match': `"${used}"` },
    ),
  ], [
    'flow ctl',
    instanceKey === undefined
      ? `flow ctl start ${shell(flow)} ${event.name} ${shell(JSON.stringify(data))}`
      : `flow ctl send ${shell(flow)} ${shell(instanceKey)} ${event.name} ${shell(JSON.stringify(data))}`,
  ]]} />
  </form>`;
}

/**
 * A refusal with its reasons; for a newer revision, the choice to go on with that one.
 * @param {{problem: Problem | null, newer?: (revision: number) => void}} properties
 */
export function Refusal({ problem, newer }) {
  if (!problem) return null;
  if (problem.status === 412 && newer) {
    return html`<div class="note warn" role="alert"><strong>There is a newer version</strong>
      <p>Someone changed this instance while you were looking at it. It is at revision ${problem.members.revision} now.</p>
      <button type="button" class="small" onClick=${() =>
      newer(problem.members.revision)}>Continue with the newer version</button></div>`;
  }
  return html`<div class="stack"><${ProblemNote} problem=${problem} /><${Why} explanation=${problem.members.explanation} /></div>`;
}

/** The outcome of a dry run. @param {{answer: any}} properties */
export function Preview({ answer }) {
  return html`<div class="note good" role="status"><strong>Preview: ${answer.disposition}</strong>
    <p class="row"><${States} paths=${answer.from} /> → <${States} paths=${answer.to} /></p>
    ${Object.keys(answer.changes ?? {}).length ? html`<pre>${JSON.stringify(answer.changes, null, 2)}</pre>` : null}
    ${
    answer.effects?.length
      ? html`<p class="small-text">${answer.effects.length} effects: ${
        answer.effects.map((/** @type {any} */ one) => one.action ?? one.emit ?? one.job ?? Object.keys(one)[0]).join(
          ', ',
        )
      }</p>`
      : null
  }</div>`;
}

/**
 * A dialog around the form.
 * @param {{flow: string, instanceKey?: string, event: any, revision?: number, close: () => void, sent?: (answer: any) => void, title?: string}} properties
 */
export function EventDialog({ flow, instanceKey, event, revision, close, sent, title }) {
  const done = (/** @type {any} */ answer) => {
    toast(
      answer.created
        ? `Started \`${answer.key}\``
        : `\`${event.name}\`: ${answer.disposition}, now in ${
          answer.to.map((/** @type {string} */ one) => `\`${one}\``).join(', ')
        }`,
    );
    close();
    sent?.(answer);
  };
  return html`<${Dialog} title=${
    title ?? `Send ${event.name}`
  } close=${close}><${EventForm} flow=${flow} instanceKey=${instanceKey} event=${event} revision=${revision} done=${done} label=${
    instanceKey === undefined ? 'Start' : undefined
  } /></${Dialog}>`;
}
