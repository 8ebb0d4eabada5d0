// Trying flows out: events at a rate against this server, and a flow on a virtual clock of which nothing is kept.
import { html, useEffect, useRef, useState } from '../preact.js';
import { flowDefinition, get, missing, path, post, Problem, useLoad } from '../api.js';
import { setQuery } from '../app.js';
import { clockTime, code, count, Empty, Icon, Loading, ProblemNote, States, Status, Tabs } from '../parts/basics.js';
import { Diagram } from '../parts/diagram.js';
import { example, SchemaForm } from '../parts/form.js';
import { Tree } from '../parts/tree.js';
import { Why } from '../parts/why.js';

/** @param {{route: import('../app.js').Route}} properties */
export default function Simulate({ route }) {
  const tab = route.query.get('tab') ?? 'events';
  const flow = route.query.get('flow') ?? '';
  const flows = useLoad(async (signal) => (await get('/v1/flows', { signal })).data.items, []);
  const chosen = flow || flows.data?.[0]?.name || '';
  const definition = useLoad(async () => chosen ? await flowDefinition(chosen) : null, [chosen]);
  const tabs = [{ id: 'events', name: 'Send events' }, { id: 'play', name: 'Play' }];
  return html`<header class="head bar"><h1>Simulate</h1><label><span class="hide">Flow</span><select value=${chosen} onChange=${(
    /** @type {any} */ event,
  ) => setQuery({ flow: event.target.value })}>${
    (flows.data ?? []).map((/** @type {any} */ one) =>
      html`<option key=${one.name} value=${one.name}>${one.name}</option>`
    )
  }</select></label></header>
    <div class="stack"><${Tabs} tabs=${tabs} current=${tab} choose=${(/** @type {string} */ id) =>
    setQuery({ tab: id === 'events' ? null : id }, true)} label="Ways to try" />
    <${ProblemNote} problem=${flows.error ?? definition.error} />
    <div role="tabpanel" aria-labelledby=${`tab-${tab}`}>${
    !definition.data || definition.data.name !== chosen
      ? html`<${Loading} />`
      : tab === 'play'
      ? html`<${Play} key=${chosen} definition=${definition.data} />`
      : html`<${Events} key=${chosen} definition=${definition.data} />`
  }</div></div>`;
}

// MARK: - Events at a rate

/** A template with its placeholders filled in. @param {string} template @param {number} index */
export function fill(template, index) {
  return template.replace(/\$\{(n|time|random(?::(\d+)-(\d+))?|id)\}/g, (_, name, low, high) => {
    if (name === 'n') return String(index);
    if (name === 'time') return new Date().toISOString();
    if (name === 'id') return Math.random().toString(36).slice(2, 10);
    const [from, to] = low ? [Number(low), Number(high)] : [0, 100];
    return String(from + Math.floor(Math.random() * (to - from + 1)));
  });
}

/** @param {{definition: any}} properties */
function Events({ definition }) {
  const names = definition.events.map((/** @type {any} */ event) => event.name);
  const first = definition.events.find((/** @type {any} */ event) => event.starts) ?? definition.events[0];
  const [event, setEvent] = useState(first?.name ?? '');
  const [template, setTemplate] = useState(() => templateOf(first));
  const [rate, setRate] = useState(5);
  const [seconds, setSeconds] = useState(10);
  const [counters, setCounters] = useState(/** @type {any} */ (null));
  const [error, setError] = useState('');
  const run = useRef(/** @type {{stop: boolean} | null} */ (null));
  useEffect(() => () => {
    if (run.current) run.current.stop = true;
  }, []);
  const choose = (/** @type {string} */ name) => {
    setEvent(name);
    setTemplate(templateOf(definition.events.find((/** @type {any} */ one) => one.name === name)));
  };
  const start = async () => {
    setError('');
    try {
      JSON.parse(fill(template, 1));
    } catch (problem) {
      return setError(`The template is not JSON: ${/** @type {Error} */ (problem).message}`);
    }
    const own = { stop: false };
    run.current = own;
    const total = Math.round(rate * seconds);
    const counts = {
      sent: 0,
      accepted: 0,
      refused: 0,
      failed: 0,
      waiting: 0,
      milliseconds: 0,
      last: '',
      isOver: false,
    };
    const begin = performance.now();
    const show = () => setCounters({ ...counts, seconds: (performance.now() - begin) / 1000 });
    while (!own.stop && counts.sent < total) {
      const due = Math.min(total, Math.floor((performance.now() - begin) / 1000 * rate) + 1);
      while (counts.sent < due && counts.waiting < 64) {
        counts.sent += 1;
        counts.waiting += 1;
        const at = performance.now();
        post('/v1/events', { event, data: JSON.parse(fill(template, counts.sent)) }).then(() => {
          counts.accepted += 1;
        }, (problem) => {
          const isRefused = problem instanceof Problem && problem.status >= 400 && problem.status < 500;
          counts[isRefused ? 'refused' : 'failed'] += 1;
          counts.last = problem.message;
        }).finally(() => {
          counts.waiting -= 1;
          counts.milliseconds += performance.now() - at;
        });
      }
      show();
      await new Promise((next) => setTimeout(next, Math.min(100, 1000 / rate)));
    }
    while (counts.waiting) await new Promise((next) => setTimeout(next, 50));
    counts.isOver = true;
    run.current = null;
    show();
  };
  const isRunning = counters && !counters.isOver;
  if (!names.length) return html`<${Empty}>This flow takes no events from outside.</${Empty}>`;
  const answered = counters ? counters.accepted + counters.refused + counters.failed : 0;
  return html`<div class="split"><section class="card form"><label>Event<select value=${event} disabled=${isRunning} onChange=${(
    /** @type {any} */ changed,
  ) => choose(changed.target.value)}>${
    names.map((/** @type {string} */ name) => html`<option key=${name} value=${name}>${name}</option>`)
  }</select></label>
      <label>Data <span class="hint">\${n} counts, \${id} is a random word, \${random:1-9} a number, \${time} the present</span><textarea class="code" rows="9" spellcheck="false" value=${template} onInput=${(
    /** @type {any} */ changed,
  ) => setTemplate(changed.target.value)} /></label>
      <div class="row"><label style=${{
    flex: '1 1 120px',
  }}>Events per second<input type="number" min="0.1" max="500" step="any" value=${rate} onInput=${(
    /** @type {any} */ changed,
  ) => setRate(Math.min(500, Math.max(0.1, Number(changed.target.value) || 1)))} /></label>
        <label style=${{
    flex: '1 1 120px',
  }}>Seconds<input type="number" min="1" max="3600" value=${seconds} onInput=${(/** @type {any} */ changed) =>
    setSeconds(Math.min(3600, Math.max(1, Number(changed.target.value) || 1)))} /></label></div>
      ${error ? html`<p class="note bad" role="alert">${error}</p>` : null}
      <p class="muted small-text">These are real events: instances start and actions run.</p>
      <div class="actions">${
    isRunning
      ? html`<button class="danger" onClick=${() => {
        if (run.current) run.current.stop = true;
      }}>Stop</button>`
      : html`<button class="primary" disabled=${!!missing('send')} title=${missing('send')} onClick=${start}>Send ${
        count(Math.round(rate * seconds))
      } events</button>`
  }</div></section>
    <section class="card stack" aria-live="polite"><h2>Counters</h2>${
    counters
      ? html`<div class="counters">${
        [['Sent', counters.sent], ['Accepted', counters.accepted], ['Refused', counters.refused], [
          'Failed',
          counters.failed,
        ], ['Waiting', counters.waiting]].map(([name, number]) =>
          html`<div><span class="muted">${name}</span><strong>${count(Number(number))}</strong></div>`
        )
      }</div>
      <p class="muted">${counters.isOver ? 'Over after' : 'Running for'} ${counters.seconds.toFixed(1)} s · ${
        (answered / Math.max(counters.seconds, 0.001)).toFixed(1)
      } per second · ${answered ? Math.round(counters.milliseconds / answered) : 0} ms on average</p>${
        counters.last ? html`<p class="small-text">Last refusal: ${code(counters.last)}</p>` : null
      }`
      : html`<${Empty}>Nothing is sent yet.</${Empty}>`
  }</section></div>`;
}

/** An example whose key differs each time. @param {any} event */
function templateOf(event) {
  if (!event) return '{}';
  const value = example(event.schema, event.schema);
  for (const [name, one] of Object.entries(value ?? {})) {
    if (typeof one === 'string' && /(^|_)(id|key|name|title)$/.test(name) && !one) {
      value[name] = `${name.replace(/_id$/, '')}-\${n}`;
    }
    if (typeof one === 'string' && /mail/.test(name) && !one) value[name] = 'user-${n}@example.test';
  }
  return JSON.stringify(value, null, 2);
}

// MARK: - Play

/** @param {{definition: any}} properties */
function Play({ definition }) {
  const [steps, setSteps] = useState(/** @type {any[]} */ ([]));
  const [roles, setRoles] = useState('');
  const [caller, setCaller] = useState('');
  const [event, setEvent] = useState(
    definition.events.find((/** @type {any} */ one) => one.starts)?.name ?? definition.events[0]?.name ?? '',
  );
  const chosen = definition.events.find((/** @type {any} */ one) => one.name === event);
  const [data, setData] = useState(() => chosen ? example(chosen.schema, chosen.schema) : {});
  const [time, setTime] = useState('1d');
  const [result, setResult] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [start] = useState(() => new Date().toISOString());
  const run = async (/** @type {any[]} */ next) => {
    setProblem(null);
    if (!next.length) {
      setSteps([]);
      return setResult(null);
    }
    try {
      setResult((await post(path`/v1/flows/${definition.name}/simulate`, { steps: next, start })).data);
      setSteps(next);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  const send = () =>
    run([...steps, {
      event,
      data,
      ...(caller ? { caller } : {}),
      ...(roles.trim() ? { roles: roles.split(/[\s,]+/).filter(Boolean) } : {}),
    }]);
  const last = result?.steps.at(-1);
  const states = result?.state ?? [];
  return html`<div class="split"><section class="stack"><div class="card"><${Diagram} path=${path`/v1/flows/${definition.name}/versions/${definition.definition}/graph`} definition=${definition} active=${states} /></div>
      <div class="card form"><h2>Next step</h2><div class="row"><label style=${{
    flex: '1 1 160px',
  }}>Event<select value=${event} onChange=${(/** @type {any} */ changed) => {
    setEvent(changed.target.value);
    const next = definition.events.find((/** @type {any} */ one) => one.name === changed.target.value);
    setData(example(next.schema, next.schema));
  }}>${
    definition.events.map((/** @type {any} */ one) =>
      html`<option key=${one.name} value=${one.name}>${one.name}</option>`
    )
  }</select></label>
          <label style=${{ flex: '1 1 110px' }}>Caller<input value=${caller} onInput=${(/** @type {any} */ changed) =>
    setCaller(changed.target.value)} autocomplete="off" /></label><label style=${{
    flex: '1 1 110px',
  }}>Roles<input value=${roles} placeholder=${definition.roles.join(', ')} onInput=${(/** @type {any} */ changed) =>
    setRoles(changed.target.value)} autocomplete="off" /></label></div>
        ${
    chosen
      ? html`<${SchemaForm} key=${event} schema=${chosen.schema} value=${data} change=${setData} violations=${problem?.members.violations} />`
      : null
  }
        <div class="actions"><button class="primary" onClick=${send}>Send ${event}</button></div>
        <div class="row"><label style=${{ flex: '1 1 110px' }}>Let time pass<input value=${time} onInput=${(
    /** @type {any} */ changed,
  ) => setTime(changed.target.value)} autocomplete="off" /></label><button style=${{
    alignSelf: 'end',
  }} disabled=${!steps.length} onClick=${() => run([...steps, { advance: time }])}>Advance the clock</button></div>
        ${
    result?.outstanding.length
      ? html`<h3>Calls that wait</h3>${
        result.outstanding.map((/** @type {any} */ call, /** @type {number} */ index) =>
          html`<${Outstanding} key=${index} call=${call} answer=${(/** @type {any} */ step) =>
            run([...steps, step])} />`
        )
      }`
      : null
  }
        <${ProblemNote} problem=${problem} /></div></section>
    <section class="card stack"><div class="bar"><h2>${
    result
      ? html`<${States} paths=${states} /> <${Status} status=${result.status ?? 'failed'} />`
      : 'Nothing has happened'
  }</h2><div class="row"><button class="small" disabled=${!steps.length} onClick=${() =>
    run(steps.slice(0, -1))}>Back</button><button class="small" disabled=${!steps.length} onClick=${() =>
    run([])}>Start over</button></div></div>
      <p class="muted small-text">The server's own engine on a virtual clock${
    result ? html`, at ${clockTime(result.now)}` : ''
  }. Nothing of it is stored and no action runs.</p>
      ${result?.data ? html`<${Tree} data=${result.data} />` : null}
      ${
    last?.disposition === 'refused'
      ? html`<div class="note bad"><strong>Refused</strong><p>${
        code(last.detail)
      }</p><${Why} explanation=${last.explanation} /></div>`
      : null
  }
      ${
    result
      ? html`<ol class="steps">${
        result.steps.map((/** @type {any} */ step, /** @type {number} */ index) =>
          html`<li key=${index}><${Icon} name=${
            step.disposition === 'refused' ? 'failed' : 'done'
          } /> <strong>${step.cause}</strong> ${
            step.to ? html`→ ${step.to.join(', ')}` : html`<span class="muted">refused</span>`
          } <span class="muted small-text">${clockTime(step.at)}</span></li>`
        )
      }</ol>`
      : null
  }</section></div>`;
}

/** @param {any} properties */
function Outstanding({ call, answer }) {
  const [text, setText] = useState('null');
  const [error, setError] = useState('');
  const done = () => {
    try {
      answer({ done: call.action, result: JSON.parse(text) });
    } catch (problem) {
      setError(/** @type {Error} */ (problem).message);
    }
  };
  return html`<fieldset><legend>${call.action}</legend><code>${JSON.stringify(call.arguments)}</code>${
    call.isAwaited
      ? html`<label>Result as JSON<input class="code" value=${text} onInput=${(/** @type {any} */ changed) =>
        setText(changed.target.value)} spellcheck="false" />${
        error ? html`<span class="hint">${error}</span>` : null
      }</label>
    <div class="row"><button type="button" class="small" onClick=${done}>Done</button><button type="button" class="small" onClick=${() =>
        answer({ fail: call.action, code: 'FAILED' })}>Failed</button></div>`
      : html`<span class="muted small-text">Nothing waits for its result.</span>`
  }</fieldset>`;
}
