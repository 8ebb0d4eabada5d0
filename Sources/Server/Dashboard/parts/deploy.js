// Deploying a version: its diagnostics, what changes, and what that means for running instances.
import { html, useState } from '../preact.js';
import { missing, path, Problem, request } from '../api.js';
import { code, Commands, plural, ProblemNote, toast } from './basics.js';
import { shell } from './send.js';

/**
 * @param {{flow?: string, text?: string, definition?: string, done: (answer: any) => void}} properties
 *   `definition` is the version that the text was made from
 */
export function Deploy({ flow, text: initial = '', definition, done }) {
  const [text, setText] = useState(initial);
  const [given, setName] = useState('');
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const name = flow ?? (given || text.match(/^\s*flow\s+([A-Za-z_]\w*)/m)?.[1] || '');
  const edit = (/** @type {string} */ next) => {
    setText(next);
    setAnswer(null);
    setProblem(null);
  };
  const run = async (/** @type {boolean} */ dryRun) => {
    setBusy(true);
    setProblem(null);
    try {
      const headers = definition ? { 'If-Match': `"${definition}"` } : undefined;
      const { data } = await request('PUT', path`/v1/flows/${name}` + (dryRun ? '?dryRun=true' : ''), {
        body: text,
        type: 'text/x-flow',
        headers,
      });
      if (dryRun) return setAnswer(data);
      toast(data.isSame ? `\`${name}\` is unchanged` : `\`${name}\` is deployed: new instances run this version`);
      done(data);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setAnswer(null);
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const open = async (/** @type {any} */ event) => {
    const file = event.target.files[0];
    if (file) edit(await file.text());
  };
  const reason = missing('deploy');
  return html`<div class="stack"><label>Source<textarea class="code" rows="18" spellcheck="false" wrap="off" value=${text} onInput=${(
    /** @type {any} */ event,
  ) => edit(event.target.value)} placeholder="flow Order { … }" /></label>
    <div class="row"><label class="button small">Open a file<input type="file" accept=".flow" class="hide" onChange=${open} /></label>
      ${
    flow ? null : html`<label style=${{
      flex: '1 1 180px',
    }}><span class="hide">Name of the flow</span><input value=${given} placeholder=${
      name || 'Name of the flow'
    } onInput=${(/** @type {any} */ event) => setName(event.target.value)} autocomplete="off" /></label>`
  }</div>
    <${ProblemNote} problem=${problem} /><${Diagnostics} list=${
    problem?.members.diagnostics ?? answer?.diagnostics ?? []
  } />
    ${answer ? html`<${Effects} answer=${answer} />` : null}
    <div class="actions"><button disabled=${isBusy || !name || !text || !!reason} title=${reason} onClick=${() =>
    run(true)}>Preview</button>
      <button class="primary" disabled=${isBusy || !answer || answer.isSame || !!reason} title=${
    reason || (answer ? answer.isSame ? 'This version is served already' : '' : 'Preview first')
  } onClick=${() => run(false)}>Deploy${name ? ` ${name}` : ''}</button></div>
    <${Commands} commands=${[['flow ctl', `flow ctl deploy ${shell(`${name || 'FLOW'}.flow`)}`]]} /></div>`;
}

/** @param {{list: any[]}} properties */
function Diagnostics({ list }) {
  if (!list.length) return null;
  return html`<ul class="diagnostics">${
    list.slice(0, 40).map((one) =>
      html`<li key=${one.fingerprint} class=${one.severity}><span class=${`status ${
        one.severity === 'error' ? 'failed' : one.severity === 'warning' ? 'suspended' : ''
      }`}>${one.severity} ${one.code}</span>
    <div>${code(one.message)} <span class="muted">line ${one.span?.start?.line}</span>${
        one.help ? html`<div class="small-text muted">${code(one.help)}</div>` : null
      }</div></li>`
    )
  }</ul>${list.length > 40 ? html`<p class="muted">and ${list.length - 40} more</p>` : null}`;
}

/** What deploying would change. @param {{answer: any}} properties */
function Effects({ answer }) {
  const { changes, live, migration } = answer;
  const sum = (/** @type {any[]} */ groups) => groups.reduce((total, group) => total + group.count, 0);
  const lost = live.filter((/** @type {any} */ group) => !group.isKept);
  const parts = [['states', 'States'], ['events', 'Events'], ['data', 'Data']].flatMap(([name, title]) =>
    [['added', '+'], ['removed', '−']].flatMap(([kind, sign]) =>
      (changes?.[name]?.[kind] ?? []).map((/** @type {string} */ one) => ({ title, sign, one }))
    )
  );
  return html`<div class=${lost.length ? 'note warn' : 'note good'} role="status"><strong>${
    answer.isNew ? 'A new flow' : answer.isSame ? 'The same version as now' : 'It compiles'
  }</strong>
    ${
    parts.length
      ? html`<p>${
        parts.map(({ title, sign, one }) => html`<code class="pill" title=${title}>${sign} ${one}</code> `)
      }</p>`
      : answer.isNew || answer.isSame
      ? null
      : html`<p>No state, event or field is added or removed.</p>`
  }
    ${
    changes?.retyped?.length
      ? html`<p>With another type: ${
        changes.retyped.map((/** @type {string} */ one) => html`<code class="pill">${one}</code> `)
      }</p>`
      : null
  }
    <p>${
    live.length
      ? html`${plural(sum(live), 'running instance')} ${
        sum(live) === 1 ? 'continues' : 'continue'
      } with the version that ${sum(live) === 1 ? 'it' : 'they'} began on${
        lost.length ? `; ${sum(lost)} of them stand in states that the new version does not have` : ''
      }.`
      : 'No instance is running.'
  }
      ${migration?.looked ? ` ${migration.possible} of ${migration.looked} could be migrated.` : ''}</p>
    ${
    migration?.reasons?.length
      ? html`<ul>${
        migration.reasons.map((/** @type {any} */ one) =>
          html`<li>${one.count} can't: ${code(one.detail)} (such as <code>${one.example}</code>)</li>`
        )
      }</ul>`
      : null
  }</div>`;
}
