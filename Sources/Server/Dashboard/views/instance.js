// One instance: why it is where it is, what can be done, and all that happened.
import { html, useEffect, useMemo, useRef, useState } from '../preact.js';
import { acting, flowDefinition, get, identity, missing, path, post, Problem, useLoad, useStore } from '../api.js';
import { subscribe } from '../live.js';
import { link, setQuery } from '../app.js';
import {
  clockTime,
  code,
  Commands,
  Copy,
  Dialog,
  duration,
  Empty,
  Icon,
  Loading,
  ProblemNote,
  States,
  Status,
  Tabs,
  Time,
  toast,
} from '../parts/basics.js';
import { Diagram } from '../parts/diagram.js';
import { attemptsOf, describe, readHistory, stateAt, takenTransitions, Timeline } from '../parts/history.js';
import { curl, EventForm, shell } from '../parts/send.js';
import { condition, Tree } from '../parts/tree.js';
import { Why } from '../parts/why.js';

/** @typedef {import('../parts/history.js').Entry} Entry */

/** @param {{route: import('../app.js').Route}} properties */
export default function Instance({ route }) {
  const [, flow, key] = route.path;
  const address = path`/v1/flows/${flow}/instances/${key}`;
  const instance = useLoad(async (signal) => (await get(address, { signal })).data, [address]);
  const definition = useLoad(async () => instance.data ? await flowDefinition(flow, instance.data.definition) : null, [
    instance.data?.definition,
  ]);
  const needsHistory = ['history', 'actions'].includes(route.query.get('tab') ?? '') || route.query.has('at');
  const history = useHistory(flow, key, needsHistory);
  const reload = useRef(0);
  const isLoaded = !!instance.data;
  useEffect(() => {
    if (!instance.data) return;
    // A burst of changes is read once.
    const changed = () => {
      clearTimeout(reload.current);
      reload.current = setTimeout(instance.reload, 120);
    };
    return subscribe({ flow, key }, instance.data.asOf, {
      entry: (entry) => {
        changed();
        history.add(entry);
      },
      reset: () => {
        changed();
        history.restart();
      },
    });
  }, [isLoaded, flow, key]);
  // What waits to be tried again changes without an entry.
  useEffect(() => {
    const waits = instance.data?.pendingCalls?.length;
    if (!waits) return;
    const timer = setInterval(instance.reload, 3_000);
    return () => clearInterval(timer);
  }, [instance.data?.pendingCalls?.length]);
  if (instance.error && !instance.data) {
    return html`<${Crumbs} flow=${flow} /><${ProblemNote} problem=${instance.error} retry=${instance.reload} />`;
  }
  if (!instance.data) return html`<${Loading} />`;
  return html`<${Page} view=${instance.data} definition=${definition.data} history=${history} route=${route} reload=${instance.reload} />`;
}

/** Entries of the history, loaded when they are needed. @param {string} flow @param {string} key @param {boolean} isNeeded */
function useHistory(flow, key, isNeeded) {
  const [entries, set] = useState(/** @type {Entry[]} */ ([]));
  const [state, setState] = useState('idle');
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [round, setRound] = useState(0);
  const waiting = useRef(/** @type {Entry[]} */ ([]));
  const merge = (/** @type {Entry[]} */ before, /** @type {Entry[]} */ more) => {
    const last = before.at(-1)?.offset ?? 0;
    return [...before, ...more.filter((entry) => entry.offset > last)];
  };
  useEffect(() => {
    if (!isNeeded) return;
    const controller = new AbortController();
    setState('loading');
    setProblem(null);
    readHistory(flow, key, 0, (read) => {
      set(merge(read, waiting.current));
      waiting.current = [];
      setState('loaded');
    }, controller.signal).catch((error) => {
      if (!controller.signal.aborted) {
        setProblem(error instanceof Problem ? error : new Problem(0, { detail: String(error) }));
      }
    });
    return () => controller.abort();
  }, [flow, key, isNeeded, round]);
  const add = (/** @type {Entry} */ entry) => {
    if (state === 'loaded') set((before) => merge(before, [entry]));
    else waiting.current.push(entry);
  };
  const current = useRef(add);
  current.current = add;
  return {
    entries,
    state,
    problem,
    add: (/** @type {Entry} */ entry) => current.current(entry),
    restart: () => setRound((n) => n + 1),
  };
}

/** @param {{flow: string}} properties */
const Crumbs = ({ flow }) =>
  html`<div class="crumbs"><a href="#/instances">Instances</a> / <a href=${
    link(['instances'], { flow })
  }>${flow}</a></div>`;

/** @type {Map<string, number>} Widths of diagrams that were seen, by flow and version. */
const widths = new Map();

/** @param {any} properties */
function Page({ view, definition, history, route, reload }) {
  const tab = route.query.get('tab') ?? 'now';
  const [width, setWidth] = useState(widths.get(view.definition + view.flow) ?? -1);
  const measured = (/** @type {number} */ next) => {
    widths.set(view.definition + view.flow, next);
    setWidth(next);
  };
  // The layout depends on the width of the diagram; nothing is shown that would move, unless `dot` takes long.
  useEffect(() => {
    const timer = setTimeout(() => setWidth((before) => before < 0 ? 0 : before), 700);
    return () => clearTimeout(timer);
  }, []);
  const at = route.query.has('at') ? Number(route.query.get('at')) : null;
  const index = at === null ? -1 : history.entries.findIndex((/** @type {Entry} */ entry) => entry.offset === at);
  const past = useMemo(() => index < 0 ? null : stateAt(history.entries, index), [history.entries, index]);
  const active = past ? past.state : view.state;
  const taken = useMemo(
    () => history.state === 'loaded' && definition ? takenTransitions(history.entries, definition) : undefined,
    [history.entries, history.state, definition],
  );
  const tabs = [
    { id: 'now', name: past ? 'Then' : 'Now' },
    { id: 'can', name: 'Can do', count: view.allowedEvents.length },
    { id: 'history', name: 'History' },
    {
      id: 'actions',
      name: 'Actions',
      count: view.calls.filter((/** @type {any} */ call) => !['done', 'skipped'].includes(call.status)).length +
        view.pendingCalls.filter((/** @type {any} */ job) => !job.call).length,
    },
    { id: 'timers', name: 'Timers', count: view.timers.length },
    { id: 'json', name: 'JSON' },
  ];
  return html`<header class="head"><${Crumbs} flow=${view.flow} />
      <div class="bar"><div class="row"><h1>${view.key}</h1><${Status} status=${view.status} incident=${view.incident} /><${States} paths=${active} /></div><${Operations} view=${view} reload=${reload} /></div>
      <p class="lead">${code(readable(view.why))}</p>
      <div class="row muted small-text"><span>Revision ${view.revision}</span><span>Started <${Time} at=${view.startedAt} /></span><span>Changed <${Time} at=${view.updatedAt} /></span><a href=${
    link(['flows', view.flow])
  }>${view.flow}, version ${view.version ?? '–'}</a></div>
      ${
    view.incident ? html`<div class="note warn"><strong>Incident</strong><p>${code(view.incident)}</p></div>` : null
  }</header>
    <div class=${width > 640 ? 'split tall' : 'split'}><section class="card stack" aria-label="Diagram">
        ${
    past
      ? html`<div class="note bar"><span>Revision ${history.entries[index].revision}, ${
        clockTime(history.entries[index].at)
      }</span><button class="small" onClick=${() => setQuery({ at: null })}>Back to now</button></div>`
      : null
  }
        ${
    definition
      ? html`<${Diagram} path=${path`/v1/flows/${view.flow}/versions/${view.definition}/graph`} definition=${definition} active=${active} taken=${taken} calls=${
        past ? [] : view.calls
      } measured=${measured} />`
      : html`<${Loading} />`
  }</section>
      ${
    width < 0
      ? null
      : html`<section class="stack"><div class="card flush"><${Tabs} tabs=${tabs} current=${tab} choose=${(
        /** @type {string} */ id,
      ) => setQuery({ tab: id === 'now' ? null : id }, true)} label="Parts of the instance" />
        <div role="tabpanel" aria-labelledby=${`tab-${tab}`} style=${{
        padding: tab === 'history' ? '0' : '18px 20px',
      }}>${panel(tab, { view, definition, history, past, at, reload })}</div></div></section>`
  }</div>`;
}

/** Instants in a sentence as local times. @param {string} text */
const readable = (text) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (instant) => clockTime(instant));

/** @param {string} tab @param {any} properties */
function panel(tab, properties) {
  const { view } = properties;
  switch (tab) {
    case 'can':
      return html`<${CanDo} ...${properties} />`;
    case 'history':
      return html`<${History} ...${properties} />`;
    case 'actions':
      return html`<${Actions} ...${properties} />`;
    case 'timers':
      return view.timers.length
        ? html`<table><thead><tr><th>Due</th><th>Time</th><th>Declared at</th></tr></thead><tbody>${
          view.timers.map((/** @type {any} */ timer) =>
            html`<tr><td><${Time} at=${timer.due} /></td><td>${
              clockTime(timer.due)
            }</td><td><code>${timer.at}</code></td></tr>`
          )
        }</tbody></table>`
        : html`<${Empty}>No timer is armed.</${Empty}>`;
    case 'json':
      return html`<${Raw} view=${view} history=${properties.history} />`;
    default:
      return html`<${Now} ...${properties} />`;
  }
}

/** @param {any} properties */
function Now({ view, past }) {
  const { $results, ...data } = past ? past.data : view.data ?? {};
  // Earlier data has the fields of states among the others, as `asked.token`.
  const states = past ? [] : Object.entries(view.stateData ?? {});
  const same = (/** @type {string[]} */ path, /** @type {any} */ value) =>
    link(['instances'], { flow: view.flow, q: condition(path, value) });
  return html`<div class="stack"><${Tree} data=${data} before=${past ? past.before : undefined} same=${same} />
    ${
    states.map(([state, fields]) =>
      html`<div key=${state}><h4 class="muted">${state}</h4><${Tree} data=${fields} /></div>`
    )
  }
    ${
    $results
      ? html`<details><summary class="muted">Results of calls</summary><${Tree} data=${$results} before=${past?.before.$results} /></details>`
      : null
  }</div>`;
}

// MARK: - Can do

/** @param {any} properties */
function CanDo({ view, definition, reload }) {
  const who = useStore(acting);
  const answers = useLoad(
    async (signal) =>
      (await get(path`/v1/flows/${view.flow}/instances/${view.key}/transitions`, { signal })).data.items,
    [view.flow, view.key, view.revision, who],
  );
  const [open, setOpen] = useState('');
  if (answers.error) return html`<${ProblemNote} problem=${answers.error} retry=${answers.reload} />`;
  if (!answers.data || !definition) return html`<${Loading} />`;
  if (!answers.data.length) {
    return html`<${Empty} title="No event is accepted">${
      code(
        view.status === 'running' ? 'The instance waits for its calls and timers.' : `The instance is ${view.status}.`,
      )
    }</${Empty}>`;
  }
  return html`<div class="stack">${
    answers.data.map((/** @type {any} */ item) => {
      const event = definition.events.find((/** @type {any} */ one) => one.name === item.event);
      const isRefused = item.would === 'be-refused';
      const isOpen = open === item.event;
      return html`<article key=${item.event} class="task"><div class="bar"><div class="row"><h2>${item.event}</h2><${Would} item=${item} /></div>
        <button class=${isRefused ? 'small' : 'small primary'} aria-expanded=${
        isOpen ? 'true' : 'false'
      } onClick=${() => setOpen(isOpen ? '' : item.event)}>${
        isOpen ? 'Close' : isRefused ? 'Why not' : 'Prepare'
      }</button></div>
      ${
        isOpen && isRefused
          ? html`<div class="note bad"><p>${code(item.detail)}</p><${Why} explanation=${item.explanation} />${
            item.reason === 'role-missing'
              ? html`<p class="small-text">You act as ${identity().name || 'anyone'} with ${
                identity().roles.length ? `the roles ${identity().roles.join(', ')}` : 'no roles'
              }.</p>`
              : null
          }</div>`
          : null
      }
      ${
        isOpen && !isRefused
          ? html`<details><summary class="muted">What decides</summary><${Why} explanation=${item.explanation} /></details>
        <${EventForm} flow=${view.flow} instanceKey=${view.key} event=${
            event ?? { name: item.event, schema: {} }
          } revision=${view.revision} done=${(/** @type {any} */ answer) => {
            toast(`\`${item.event}\`: ${answer.disposition}`);
            setOpen('');
            reload();
          }} />`
          : null
      }</article>`;
    })
  }</div>`;
}

/** @param {{item: any}} properties */
function Would({ item }) {
  const words = /** @type {Record<string, [string, string, string]>} */ ({
    'be-applied': ['good', 'done', item.to ? `leads to ${item.to.join(', ')}` : 'accepted'],
    'be-ignored': ['', 'more', 'ignored'],
    'be-deferred': ['', 'clock', 'deferred'],
    'be-refused': ['refused', 'failed', 'refused now'],
    depend: ['', 'more', 'depends on its data'],
  });
  const [kind, icon, text] = words[item.would] ?? ['', 'more', item.would];
  return html`<span class=${`status ${kind}`}><${Icon} name=${icon} />${text}</span>`;
}

// MARK: - History

/** @param {any} properties */
function History({ history, at }) {
  const [kind, setKind] = useState('');
  const [follows, setFollows] = useState(true);
  const { entries, state, problem } = history;
  const shown = useMemo(
    () =>
      kind
        ? entries.filter((/** @type {Entry} */ entry) =>
          kind === 'failed'
            ? ['incident', 'dead', 'refused', 'undelivered'].includes(entry.type) || entry.data.status === 'failed' ||
              entry.type === 'attempt' && entry.data.outcome !== 'done' ||
              entry.data.result?.failed
            : entry.type === kind
        )
        : entries,
    [entries, kind],
  );
  const steps = useMemo(() => entries.filter((/** @type {Entry} */ entry) => entry.type === 'step'), [entries]);
  const position = at === null
    ? steps.length - 1
    : Math.max(0, steps.findLastIndex((/** @type {Entry} */ entry) => entry.offset <= at));
  const go = (/** @type {number} */ index) => {
    const step = steps[Math.min(Math.max(index, 0), steps.length - 1)];
    if (step) setQuery({ at: index >= steps.length - 1 ? null : String(step.offset) }, true);
  };
  useEffect(() => {
    const handle = (/** @type {KeyboardEvent} */ event) => {
      if (/** @type {HTMLElement} */ (event.target).closest('input, textarea, select, dialog')) return;
      if (event.key === '[') go(position - 1);
      if (event.key === ']') go(position + 1);
    };
    addEventListener('keydown', handle);
    return () => removeEventListener('keydown', handle);
  });
  if (problem) {
    return html`<div style=${{
      padding: '16px',
    }}><${ProblemNote} problem=${problem} retry=${history.restart} /></div>`;
  }
  if (state !== 'loaded') return html`<${Loading} />`;
  const kinds = [...new Set(entries.map((/** @type {Entry} */ entry) => entry.type))];
  const chosen = at === null ? null : entries.find((/** @type {Entry} */ entry) => entry.offset === at);
  return html`<div class="stack" style=${{ gap: '0' }}><div style=${{ padding: '14px 16px' }} class="stack">
      <div class="travel"><button class="small icon-only" aria-label="Previous step" disabled=${
    position <= 0
  } onClick=${() => go(position - 1)}>‹</button>
        <input type="range" aria-label="Step" min="0" max=${
    Math.max(steps.length - 1, 0)
  } value=${position} aria-valuetext=${`Step ${position + 1} of ${steps.length}`} onInput=${(
    /** @type {any} */ event,
  ) => go(Number(event.target.value))} />
        <button class="small icon-only" aria-label="Next step" disabled=${position >= steps.length - 1} onClick=${() =>
    go(position + 1)}>›</button><span class="muted small-text number">${position + 1} / ${steps.length}</span></div>
      <div class="row"><select aria-label="Kind of entries" value=${kind} onChange=${(/** @type {any} */ event) =>
    setKind(event.target.value)} style=${{
    width: 'auto',
  }}><option value="">All ${entries.length} entries</option><option value="failed">Failures only</option>${
    kinds.map((name) => html`<option key=${name} value=${name}>Only ${name}</option>`)
  }</select>
        <label class="check"><input type="checkbox" checked=${follows} onChange=${(/** @type {any} */ event) =>
    setFollows(event.target.checked)} />Follow</label></div></div>
    <${Timeline} entries=${shown} current=${at} choose=${(/** @type {number} */ offset) => {
    setFollows(false);
    setQuery({ at: String(offset) }, true);
  }} follows=${follows && at === null} />
    ${
    chosen
      ? html`<div style=${{ padding: '14px 16px' }} class="stack"><div class="bar"><h2>${
        code(describe(chosen).title)
      }, ${clockTime(chosen.at)}</h2><${Copy} text=${JSON.stringify(chosen, null, 2)} /></div><pre tabindex="0">${
        JSON.stringify(chosen.data, null, 2)
      }</pre></div>`
      : null
  }</div>`;
}

// MARK: - Actions

/** How each status of a call is shown. */
const callStatus = /** @type {Record<string, [string, string]>} */ ({
  waiting: ['', 'clock'],
  running: ['running', 'running'],
  retrying: ['retrying', 'reload'],
  done: ['done', 'done'],
  skipped: ['', 'more'],
  failed: ['failed', 'failed'],
});

/** @param {any} properties */
function Actions({ view, definition, history }) {
  const others = view.pendingCalls.filter((/** @type {any} */ job) => !job.call);
  const log = history.state === 'loaded' ? html`<${Attempts} entries=${history.entries} />` : html`<${Loading} />`;
  if (!view.calls.length && !others.length) {
    return html`<div class="stack"><p class="muted">No action is running or waiting.</p>${log}</div>`;
  }
  const after = (/** @type {any} */ call) =>
    definition?.calls.find((/** @type {any} */ one) => one.name === call.name && one.state === call.state)?.after ?? [];
  return html`<div class="stack"><table class="cards"><thead><tr><th>Call</th><th>Status</th><th>Attempt</th><th>Next</th></tr></thead><tbody>
    ${
    view.calls.map((/** @type {any} */ call) => {
      const [kind, icon] = callStatus[call.status] ?? ['', 'more'];
      return html`<tr key=${`${call.state}/${call.name}`}><td class="title"><div><strong>${call.name}</strong>${
        call.action && call.action !== call.name ? html` <span class="muted">${call.action}</span>` : ''
      }
        ${after(call).length ? html`<div class="small-text muted">after ${after(call).join(', ')}</div>` : ''}${
        call.items
          ? html`<div class="small-text muted">${call.items.finished ?? 0} of ${call.items.count} items finished</div>`
          : ''
      }${
        call.lastFailure
          ? html`<div class="small-text muted">${code(String(call.lastFailure.outcome ?? ''))}</div>`
          : ''
      }</div></td>
        <td data-label="Status"><span class=${`status ${kind}`}><${Icon} name=${icon} />${call.status}</span></td><td data-label="Attempt">${
        call.attempt ?? ''
      }</td><td data-label="Next">${call.nextAt ? html`<${Time} at=${call.nextAt} />` : ''}</td></tr>`;
    })
  }
    ${
    others.map((/** @type {any} */ job) =>
      html`<tr key=${job.job}><td class="title"><div><strong>${job.action}</strong> <span class="muted">nothing waits for it</span>${
        job.lastFailure ? html`<div class="small-text muted">${code(String(job.lastFailure.outcome ?? ''))}</div>` : ''
      }</div></td>
      <td data-label="Status"><span class=${`status ${job.attempt > 1 ? 'retrying' : 'running'}`}><${Icon} name=${
        job.attempt > 1 ? 'reload' : 'running'
      } />${
        job.queue
          ? (job.leaseEnds ? 'with a worker' : `waits in ${job.queue}`)
          : job.attempt > 1
          ? 'retrying'
          : 'running'
      }</span></td>
      <td data-label="Attempt">${job.attempt}</td><td data-label="Next">${
        job.due ? html`<${Time} at=${job.due} />` : ''
      }</td></tr>`
    )
  }</tbody></table>${log}</div>`;
}

/** The newest attempts that the log of an instance shows. */
const SHOWN_ATTEMPTS = 100;

/** The execution log: each attempt with its outcome. @param {{entries: Entry[]}} properties */
function Attempts({ entries }) {
  const attempts = useMemo(() => attemptsOf(entries).reverse(), [entries]);
  if (!attempts.length) return html`<${Empty}>No attempt has ended yet.</${Empty}>`;
  return html`<section class="stack" aria-label="Log of attempts"><h2>Log</h2><table class="cards"><thead><tr><th>Action</th><th>Outcome</th><th>Attempt</th><th>Duration</th><th>Ended</th></tr></thead><tbody>${
    attempts.slice(0, SHOWN_ATTEMPTS).map((one) =>
      html`<tr key=${one.offset}><td class="title"><strong>${one.call ?? one.action}</strong></td>
      <td data-label="Outcome"><span><span class=${`status ${
        one.outcome === 'done' ? 'done' : one.nextAt ? 'retrying' : 'failed'
      }`}><${Icon} name=${one.outcome === 'done' ? 'done' : one.nextAt ? 'reload' : 'failed'} />${
        one.outcome === 'done' ? 'done' : one.nextAt ? 'retried' : 'given up'
      }</span>${
        one.outcome === 'done' ? '' : html`<div class="small-text muted">${code(one.outcome)}</div>`
      }</span></td><td data-label="Attempt">${one.attempt}</td><td data-label="Duration" class="narrow">${
        one.startedAt ? length(Date.parse(one.at) - Date.parse(one.startedAt)) : ''
      }</td><td data-label="Ended" class="narrow"><${Time} at=${one.at} /></td></tr>`
    )
  }</tbody></table>${
    attempts.length > SHOWN_ATTEMPTS
      ? html`<p class="muted">The history has ${attempts.length - SHOWN_ATTEMPTS} more.</p>`
      : null
  }</section>`;
}

/** @param {number} milliseconds */
const length = (milliseconds) => milliseconds < 1000 ? `${milliseconds} ms` : duration(milliseconds);

// MARK: - JSON

/** @param {any} properties */
function Raw({ view, history }) {
  const text = JSON.stringify(view, null, 2);
  const diagnostics = () => {
    // Names and times, without what people have entered.
    const { data, stateData: _, ...rest } = view;
    const entries = history.entries.map((/** @type {Entry} */ { data: body, ...entry }) => ({
      ...entry,
      from: body.from,
      to: body.to,
      status: body.status,
      cause: body.event?.type,
    }));
    const anchor = document.createElement('a');
    anchor.href = URL.createObjectURL(
      new Blob([JSON.stringify({ instance: { ...rest, fields: Object.keys(data ?? {}) }, entries }, null, 2)], {
        type: 'application/json',
      }),
    );
    anchor.download = `${view.flow}-${view.key}.json`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
  };
  const address = path`/v1/flows/${view.flow}/instances/${view.key}`;
  return html`<div class="stack"><div class="row"><${Copy} text=${text} label="Copy JSON" /><button class="small quiet" onClick=${diagnostics} title="States, times and kinds; no data">Save diagnostics</button></div><pre tabindex="0">${text}</pre>
    <${Commands} commands=${[['curl', curl('GET', address)], [
    'flow ctl',
    `flow ctl show ${shell(view.flow)} ${shell(view.key)} --format json`,
  ]]} /></div>`;
}

// MARK: - Operations

const operations = [
  {
    name: 'retry',
    title: 'Retry',
    isFor: (/** @type {any} */ view) =>
      view.status === 'running' && view.pendingCalls.some((/** @type {any} */ call) => call.attempt > 1)
        ? ''
        : 'Nothing waits to be tried again',
  },
  {
    name: 'suspend',
    title: 'Suspend',
    isFor: (/** @type {any} */ view) => view.status === 'running' ? '' : `The instance is ${view.status}`,
  },
  {
    name: 'resume',
    title: 'Resume',
    isFor: (/** @type {any} */ view) => view.status === 'suspended' ? '' : 'The instance is not suspended',
  },
  {
    name: 'migrate',
    title: 'Migrate',
    isFor: (/** @type {any} */ view) =>
      ['running', 'suspended'].includes(view.status) ? '' : `The instance is ${view.status}`,
  },
  {
    name: 'fork',
    title: 'Fork',
    isFor: (/** @type {any} */ view) => view.status === 'running' ? '' : `The instance is ${view.status}`,
  },
  {
    name: 'cancel',
    title: 'Cancel',
    isFor: (/** @type {any} */ view) =>
      ['running', 'suspended'].includes(view.status) ? '' : `The instance is ${view.status}`,
  },
];

/** @param {any} properties */
function Operations({ view, reload }) {
  const [chosen, choose] = useState(/** @type {any} */ (null));
  const shown = operations.filter(({ name }) => name !== (view.status === 'suspended' ? 'suspend' : 'resume'));
  return html`<div class="row operations">${
    shown.map((operation) => {
      const reason = missing('operate') || operation.isFor(view);
      return html`<button key=${operation.name} class=${
        operation.name === 'cancel' ? 'small danger' : 'small'
      } disabled=${!!reason} title=${reason} onClick=${() => choose(operation)}>${operation.title}</button>`;
    })
  }</div>${
    chosen
      ? html`<${Operation} view=${view} operation=${chosen} reload=${reload} close=${() => choose(null)} />`
      : null
  }`;
}

/** @param {any} properties */
function Operation({ view, operation, reload, close }) {
  const [reason, setReason] = useState('');
  const [key, setKey] = useState('');
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const address = path`/v1/flows/${view.flow}/instances/${view.key}/${operation.name}`;
  const body = { reason, ...(operation.name === 'fork' && key ? { key } : {}) };
  const run = async (/** @type {boolean} */ dryRun) => {
    setProblem(null);
    try {
      const { data } = await post(address + (dryRun ? '?dryRun=true' : ''), body, {
        headers: { 'If-Match': `"${view.revision}"` },
      });
      if (dryRun) return setPreview(data);
      toast(`${operation.title}: ${data.detail || data.status}`);
      reload();
      close();
      if (operation.name === 'fork') location.hash = link(['instances', data.flow, data.key]);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    run(false);
  };
  return html`<${Dialog} title=${`${operation.title} ${view.key}`} close=${close}><form onSubmit=${submit}>
    ${
    operation.name === 'fork'
      ? html`<label>Key of the copy<input value=${key} onInput=${(/** @type {any} */ event) =>
        setKey(event.target.value)} placeholder="Chosen by the server" autocomplete="off" /></label>`
      : null
  }
    <label>Reason<input value=${reason} onInput=${(/** @type {any} */ event) =>
    setReason(event.target.value)} placeholder="Recorded in the history" autocomplete="off" /></label>
    <${ProblemNote} problem=${problem} />
    ${
    preview
      ? html`<div class="note good" role="status"><strong>Preview: ${preview.status}</strong><p class="row"><${States} paths=${preview.state} /> ${preview.detail}</p></div>`
      : null
  }
    <div class="actions"><button type="button" onClick=${() => run(true)}>Preview</button><button class=${
    operation.name === 'cancel' ? 'danger' : 'primary'
  }>${operation.title}</button></div>
    <${Commands} commands=${[['curl', curl('POST', address, body, { 'If-Match': `"${view.revision}"` })], [
    'flow ctl',
    `flow ctl ${operation.name} ${shell(view.flow)} ${shell(view.key)}${key ? ' ' + shell(key) : ''}${
      reason ? ` --reason ${shell(reason)}` : ''
    }`,
  ]]} /></form></${Dialog}>`;
}
