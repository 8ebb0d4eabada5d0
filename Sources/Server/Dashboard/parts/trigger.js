// Starting instances: with a form for an event, or a scheduled start now.
import { html, useState } from '../preact.js';
import { flowDefinition, missing, path, post, Problem, useLoad } from '../api.js';
import { link } from '../app.js';
import { code, Commands, Dialog, Icon, ProblemNote } from './basics.js';
import { curl, EventDialog } from './send.js';

/** Buttons for all ways to start a flow. @param {{flow: string, definition?: any, starts?: string}} properties */
export function Triggers({ flow, definition }) {
  const loaded = useLoad(async () => definition ?? await flowDefinition(flow), [flow, definition]);
  const [event, choose] = useState('');
  const [schedule, run] = useState(/** @type {number | null} */ (null));
  const view = loaded.data;
  if (!view) return null;
  const events = view.events.filter((/** @type {any} */ one) => one.starts);
  const starts = view.starts.map((/** @type {any} */ one, /** @type {number} */ index) => ({ ...one, index }))
    .filter((/** @type {any} */ one) => one.cron || one.every);
  return html`${
    starts.map((/** @type {any} */ one) =>
      html`<button key=${one.index} disabled=${!!missing('operate') || view.retired} title=${
        missing('operate') || one.label
      } onClick=${() => run(one.index)}><${Icon} name="clock" />${
        starts.length > 1 ? `Run ${one.label} now` : 'Run now'
      }</button>`
    )
  }${
    events.map((/** @type {any} */ one) =>
      html`<button key=${one.name} class="primary" disabled=${!!missing('send') || view.retired} title=${
        missing('send')
      } onClick=${() => choose(one.name)}>${events.length > 1 ? `Trigger ${one.name}` : 'Trigger'}</button>`
    )
  }${
    event
      ? html`<${EventDialog} title=${`Start ${flow}`} flow=${flow} event=${
        view.events.find((/** @type {any} */ one) => one.name === event)
      } close=${() => choose('')} sent=${(/** @type {any} */ answer) => {
        location.hash = link(['instances', answer.flow, answer.key]);
      }} />`
      : null
  }${
    schedule === null
      ? null
      : html`<${RunNow} flow=${flow} start=${schedule} label=${view.starts[schedule].label} close=${() =>
        run(null)} />`
  }`;
}

/** @param {{flow: string, start: number, label: string, close: () => void}} properties */
export function RunNow({ flow, start, label, close }) {
  const [reason, setReason] = useState('');
  const [waiting, setWaiting] = useState('');
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const address = path`/v1/flows/${flow}/schedules/${start}/run`;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setProblem(null);
    try {
      const { data } = await post(address, { reason });
      if (data.queued) return setWaiting(data.detail);
      close();
      location.hash = link(['instances', data.flow, data.key]);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return html`<${Dialog} title=${`Run ${flow} now`} close=${close}><form onSubmit=${submit}>
    <p class="muted">Starts an instance as <code>${label}</code> does. The next run stays as it is planned.</p>
    <label>Reason<input value=${reason} onInput=${(/** @type {any} */ event) =>
    setReason(event.target.value)} placeholder="Recorded in the history" autocomplete="off" /></label>
    <${ProblemNote} problem=${problem} />${waiting ? html`<p role="status">Queued: ${code(waiting)}.</p>` : null}
    <div class="actions"><button class="primary" disabled=${!!waiting}>Start</button></div>
    <${Commands} commands=${[['curl', curl('POST', address, { reason })]]} /></form></${Dialog}>`;
}
