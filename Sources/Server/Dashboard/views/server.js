// The server: whether it is ready, its rates, its store, and the actions that were given up.
import { html, useEffect, useRef, useState } from '../preact.js';
import { get, may, missing, path, post, Problem, query, session, useLoad } from '../api.js';
import { connection, subscribe } from '../live.js';
import { link, setQuery } from '../app.js';
import {
  clockTime,
  code,
  count,
  Dialog,
  duration,
  Empty,
  Icon,
  Loading,
  ProblemNote,
  Tabs,
  Time,
  toast,
} from '../parts/basics.js';
import { RunNow } from '../parts/trigger.js';

/** @param {{route: import('../app.js').Route}} properties */
export default function Server({ route }) {
  const tab = route.query.get('tab') ?? 'health';
  const me = session.value;
  const tabs = [
    { id: 'health', name: 'Health' },
    ...(me && me.nodes ? [{ id: 'nodes', name: 'Nodes' }] : []),
    { id: 'jobs', name: 'Jobs' },
    { id: 'schedules', name: 'Schedules' },
    { id: 'dead', name: 'Dead letters' },
    { id: 'keys', name: 'Keys' },
    { id: 'audit', name: 'Audit' },
  ];
  const flow = route.query.get('flow');
  return html`<header class="head"><h1>Server</h1></header><div class="stack"><${Tabs} tabs=${tabs} current=${tab} choose=${(
    /** @type {string} */ id,
  ) => setQuery({ tab: id === 'health' ? null : id }, true)} label="Parts of the server" />
    <div role="tabpanel" aria-labelledby=${`tab-${tab}`}>${
    tab === 'dead'
      ? html`<${DeadLetters} flow=${flow} />`
      : tab === 'nodes'
      ? html`<${Nodes} />`
      : tab === 'jobs'
      ? html`<${Jobs} flow=${flow} />`
      : tab === 'schedules'
      ? html`<${Schedules} />`
      : tab === 'keys'
      ? html`<${Keys} />`
      : tab === 'audit'
      ? html`<${Audit} />`
      : html`<${Health} />`
  }</div></div>`;
}

// MARK: - Health

/** Values of metrics by name, added over their labels. @param {string} text the Prometheus format */
function metricsOf(text) {
  /** @type {Record<string, number>} */
  const found = {};
  for (const line of text.split('\n')) {
    const match = line.match(/^([a-z_]+)(?:\{(.*)\})? ([-+.\deE]+)$/);
    if (!match) continue;
    found[match[1]] = (found[match[1]] ?? 0) + Number(match[3]);
    if (match[1] === 'flow_http_requests_total' && /status="5/.test(match[2] ?? '')) {
      found.errors = (found.errors ?? 0) + Number(match[3]);
    }
  }
  return found;
}

function Health() {
  const before = useRef(/** @type {{at: number, values: Record<string, number>} | null} */ (null));
  const loaded = useLoad(async (signal) => {
    const [ready, stats, metrics] = await Promise.all([
      get('/readyz?verbose', { signal }).then(
        ({ data }) => data,
        (error) => error.members?.checks ? error.members : { ready: false, checks: { server: error.message } },
      ),
      get('/v1/stats', { signal }).then(({ data }) => data),
      get('/metrics', { signal, accept: 'text/plain' }).then(({ data }) => metricsOf(data)),
    ]);
    const now = performance.now();
    const last = before.current;
    const rate = (/** @type {string} */ name) =>
      last ? (metrics[name] - (last.values[name] ?? 0)) / ((now - last.at) / 1000) : null;
    const rates = {
      requests: rate('flow_http_requests_total'),
      entries: rate('flow_journal_entries_total'),
      errors: rate('errors'),
    };
    before.current = { at: now, values: metrics };
    return { ready, stats, metrics, rates };
  }, []);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && loaded.reload(), 4_000);
    return () => clearInterval(timer);
  }, []);
  if (loaded.error && !loaded.data) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  const { ready, stats, metrics, rates } = loaded.data;
  const me = session.value;
  const started = metrics.process_start_time_seconds;
  const perSecond = (/** @type {number | null} */ number) =>
    number === null ? '…' : number < 10 ? number.toFixed(1) : count(Math.round(number));
  return html`<div class="stack">${loaded.error ? html`<${ProblemNote} problem=${loaded.error} />` : null}
    <section class="card"><div class="bar"><h2>Readiness</h2><span class=${`status ${
    ready.ready ? 'done' : 'failed'
  }`}><${Icon} name=${ready.ready ? 'done' : 'failed'} />${ready.ready ? 'ready' : 'not ready'}</span></div>
      <dl class="facts">${
    Object.entries(ready.checks ?? {}).map(([name, value]) =>
      html`<dt>${name}</dt><dd>${value === false ? 'no' : String(value)}</dd>`
    )
  }
        <dt>Version</dt><dd>${me ? me.version : ''}</dd>${
    started ? html`<dt>Up for</dt><dd>${duration(Date.now() - started * 1000)}</dd>` : null
  }
        <dt>Access</dt><dd>${me && me.authentication === 'none' ? 'no key required' : 'by key'}${
    me && me.readOnly ? ', read-only' : ''
  }</dd><dt>This page</dt><dd>${connection.value.state} by ${connection.value.transport}</dd></dl></section>
    <div class="tiles"><${Figure} value=${
    perSecond(rates.requests)
  } label="Requests" scope="per second, last 4 s" /><${Figure} value=${
    perSecond(rates.entries)
  } label="Journal entries" scope="per second, last 4 s" /><${Figure} value=${
    perSecond(rates.errors)
  } label="Server errors" scope="5xx per second, last 4 s" />
      <${Figure} value=${
    count(metrics.flow_ws_connections ?? 0)
  } label="WebSockets" scope="open now" /><${Figure} value=${
    count(stats.jobs)
  } label="Jobs" scope="running or waiting, now" /><${Figure} value=${
    count(stats.timers)
  } label="Timers" scope="armed, now" /></div>
    <section class="card"><div class="bar"><h2>Store</h2></div><dl class="facts"><dt>Size</dt><dd>${
    bytes(stats.storeBytes)
  }, of which ${bytes(stats.freeBytes)} free</dd><dt>Journal</dt><dd>${
    count(metrics.flow_journal_entries_total ?? 0)
  } entries since the start</dd><dt>Memory</dt><dd>${
    bytes(metrics.process_resident_memory_bytes ?? 0)
  }</dd><dt>Open files</dt><dd>${count(metrics.process_open_fds ?? 0)}</dd></dl>
      <p class="muted small-text">Complete numbers for Prometheus: <a href="../metrics">/metrics</a>. The API: <a href="#/api">requests to try</a>, <a href="../docs">documentation</a>.</p></section></div>`;
}

/** @param {{value: string, label: string, scope: string}} properties */
const Figure = ({ value, label, scope }) =>
  html`<div class="card tile"><span class="label">${label}</span><strong>${value}</strong><span class="scope">${scope}</span></div>`;

/** @param {number} number */
function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; number >= 1024 && unit < units.length - 1; unit++) number /= 1024;
  return `${number < 10 && unit ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

// MARK: - Nodes

/** How each role of a node is shown. */
const nodeRole = /** @type {Record<string, [string, string]>} */ ({
  owner: ['done', 'done'],
  standby: ['running', 'clock'],
  draining: ['suspended', 'suspended'],
});

function Nodes() {
  const loaded = useLoad(async (signal) => (await get('/v1/nodes', { signal })).data.items, []);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && loaded.reload(), 4_000);
    return () => clearInterval(timer);
  }, []);
  if (loaded.error && !loaded.data) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  // A node that has ended is listed for an hour, after the others.
  const items = loaded.data.toSorted((/** @type {any} */ a, /** @type {any} */ b) => rank(a) - rank(b));
  const standbys = items.filter((/** @type {any} */ node) => node.alive && node.role === 'standby').length;
  return html`<div class="stack">${loaded.error ? html`<${ProblemNote} problem=${loaded.error} />` : null}
    <p class="muted">The nodes of the store in the last hour. ${
    standbys
      ? 'A standby claims the store when its owner ends.'
      : 'There is no standby: while the owner is down, no request is answered.'
  }</p>${
    items.length
      ? html`<div class="card flush"><table class="cards"><thead><tr><th>Address</th><th>Role</th><th>Calls</th><th>Version</th><th>Tables</th><th>Last seen</th></tr></thead><tbody>${
        items.map((/** @type {any} */ node) => {
          const [kind, icon] = node.alive ? nodeRole[node.role] ?? ['', 'more'] : ['failed', 'failed'];
          const [oldest, newest] = node.formats;
          return html`<tr key=${node.id}><td class="title"><span><strong>${node.address}</strong><div class="muted small-text">${
            node.id.slice(0, 8)
          }</div></span></td><td data-label="Role"><span><span class=${`status ${kind}`}><${Icon} name=${icon} />${
            node.alive ? node.role : `not seen, was ${node.role}`
          }</span>${
            node.ownerSince ? html`<div class="muted small-text">since <${Time} at=${node.ownerSince} /></div>` : ''
          }</span></td><td data-label="Calls">${
            node.calls ?? ''
          }</td><td data-label="Version">${node.version}</td><td data-label="Tables" class="narrow">${
            oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
          }</td><td data-label="Last seen" class="narrow"><${Time} at=${node.seenAt} /></td></tr>`;
        })
      }</tbody></table></div>`
      : html`<div class="card"><${Empty} title="No nodes">No node has recorded itself yet.</${Empty}></div>`
  }</div>`;
}

/** The order of a node in the list: the owner first, those that have ended last. @param {any} node */
const rank = (node) => !node.alive ? 3 : node.role === 'owner' ? 0 : node.role === 'standby' ? 1 : 2;

// MARK: - Jobs and schedules

/** How each status of a job is shown. */
const jobStatus = /** @type {Record<string, [string, string]>} */ ({
  due: ['running', 'running'],
  claimed: ['running', 'person'],
  retrying: ['retrying', 'reload'],
  waiting: ['', 'clock'],
  held: ['suspended', 'suspended'],
});

/** @param {{flow: string | null}} properties */
function Jobs({ flow }) {
  const loaded = useLoad(async (signal) => (await get('/v1/jobs' + query({ flow, limit: 200 }), { signal })).data, [
    flow,
  ]);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && loaded.reload(), 4_000);
    return () => clearInterval(timer);
  }, [flow]);
  if (loaded.error) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  const { items, page } = loaded.data;
  return html`<div class="stack"><p class="muted">Actions that have not ended, the oldest first.</p><div class="card flush">${
    items.length
      ? html`<table class="cards"><thead><tr><th>Action</th><th>Instance</th><th>Status</th><th>Attempt</th><th>Due</th></tr></thead><tbody>${
        items.map((/** @type {any} */ job) => {
          const [kind, icon] = jobStatus[job.status] ?? ['', 'more'];
          return html`<tr key=${job.id}><td class="title"><strong>${job.action}</strong></td><td data-label="Instance"><a data-row href=${
            link(['instances', job.flow, job.key], { tab: 'actions' })
          }>${job.flow} ${job.key}</a></td>
      <td data-label="Status"><span><span class=${`status ${kind}`}><${Icon} name=${icon} />${job.status}</span>${
            job.queue ? html` <span class="muted small-text">queue ${job.queue}</span>` : ''
          }${
            job.priority ? html` <span class="muted small-text">priority ${job.priority}</span>` : ''
          }${
            job.lastFailure
              ? html`<div class="muted small-text">${code(String(job.lastFailure.outcome ?? ''))}</div>`
              : ''
          }</span></td>
      <td data-label="Attempt">${job.attempt}</td><td data-label="Due" class="narrow">${
            job.leaseEnds
              ? html`<span>lease ends <${Time} at=${job.leaseEnds} /></span>`
              : job.due
              ? html`<${Time} at=${job.due} />`
              : ''
          }</td></tr>`;
        })
      }</tbody></table>`
      : html`<${Empty} title="No jobs">Nothing is running or waiting.</${Empty}>`
  }</div>${page.next ? html`<p class="muted">There are more than 200.</p>` : null}</div>`;
}

function Schedules() {
  const loaded = useLoad(async (signal) => (await get('/v1/schedules', { signal })).data.items, []);
  const [chosen, choose] = useState(/** @type {any} */ (null));
  useEffect(
    () =>
      subscribe({ type: 'step', filter: "'schedule' in data" }, null, { entry: loaded.reload, reset: loaded.reload }),
    [],
  );
  if (loaded.error) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  return html`<div class="card flush">${
    loaded.data.length
      ? html`<table class="cards"><thead><tr><th>Flow</th><th>Schedule</th><th>Last run</th><th>Next run</th><th><span class="hide">Action</span></th></tr></thead><tbody>${
        loaded.data.map((/** @type {any} */ one) =>
          html`<tr key=${`${one.flow}/${one.start}`}><td class="title"><a class="key" data-row href=${
            link(['flows', one.flow])
          }>${one.flow}</a></td><td data-label="Schedule"><code>${one.label}</code></td>
    <td data-label="Last run"><span>${one.lastRunAt ? html`<${Time} at=${one.lastRunAt} />` : ''}${
            one.running
              ? html` <a href=${link(['instances', one.flow, one.running])}>running</a>`
              : one.isRunning
              ? html` <span class="muted">running</span>`
              : ''
          }${one.waitingSince ? html` <span class="muted">one run waits</span>` : ''}${
            one.skipped ? html` <span class="muted">${one.skipped} skipped</span>` : ''
          }</span></td>
    <td data-label="Next run"><span><${Time} at=${one.nextAt} /> <span class="muted">${
            clockTime(one.nextAt)
          }</span></span></td><td class="narrow"><button class="small" disabled=${!!missing('operate')} title=${
            missing('operate')
          } onClick=${() => choose(one)}>Run now</button></td></tr>`
        )
      }</tbody></table>`
      : html`<${Empty} title="No schedules">No flow that is served starts by the clock.</${Empty}>`
  }${
    chosen
      ? html`<${RunNow} flow=${chosen.flow} start=${chosen.start} label=${chosen.label} close=${() => choose(null)} />`
      : null
  }</div>`;
}

// MARK: - Keys and audit

function Keys() {
  const loaded = useLoad(async (signal) => (await get('/v1/keys', { signal })).data, []);
  if (loaded.error) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  const { authentication, items, issuers } = loaded.data;
  if (authentication === 'none') {
    return html`<div class="card"><${Empty} title="No keys">This server admits every local client. Start it with <code>--keys</code> to require keys.</${Empty}></div>`;
  }
  return html`<div class="stack"><p class="muted">Keys are changed in the key file; <code>flow key new</code> adds one.</p><div class="card flush"><table class="cards"><thead><tr><th>Name</th><th>Scopes</th><th>Roles</th><th>Flows</th><th>Expires</th></tr></thead><tbody>${
    items.map((/** @type {any} */ key) =>
      html`<tr key=${key.name}><td class="title"><strong>${key.name}</strong></td><td data-label="Scopes">${
        key.scopes.join(', ')
      }</td><td data-label="Roles">${
        key.roles.join(', ') || html`<span class="muted">none</span>`
      }</td><td data-label="Flows">${
        key.flows ? key.flows.join(', ') : 'all'
      }</td><td data-label="Expires" class="narrow">${
        key.expired
          ? html`<span class="status failed"><${Icon} name="failed" />expired</span>`
          : key.expires
          ? html`<${Time} at=${key.expires} />`
          : html`<span class="muted">never</span>`
      }</td></tr>`
    )
  }</tbody></table></div>${
    issuers.length ? html`<p class="muted">Tokens of ${issuers.join(', ')} are accepted too.</p>` : null
  }</div>`;
}

function Audit() {
  const loaded = useLoad(async (signal) => (await get('/v1/audit?limit=200', { signal })).data.items, []);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && loaded.reload(), 4_000);
    return () => clearInterval(timer);
  }, []);
  if (loaded.error) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  return html`<div class="stack"><p class="muted">Operations and refusals since the start of the server, the newest first. The log has all of them.</p><div class="card flush">${
    loaded.data.length
      ? html`<table class="cards"><thead><tr><th>Request</th><th>Caller</th><th>Status</th><th>Address</th><th>Time</th></tr></thead><tbody>${
        loaded.data.map((/** @type {any} */ one) =>
          html`<tr key=${
            one.requestId + one.at
          }><td class="title"><span><strong>${one.method}</strong> <code>${one.path}</code></span></td><td data-label="Caller">${
            one.who || html`<span class="muted">anyone</span>`
          }</td><td data-label="Status"><span class=${`status ${one.status < 400 ? 'done' : 'failed'}`}><${Icon} name=${
            one.status < 400 ? 'done' : 'failed'
          } />${one.status}</span></td><td data-label="Address" class="narrow">${one.address}</td><td data-label="Time" class="narrow"><${Time} at=${one.at} /></td></tr>`
        )
      }</tbody></table>`
      : html`<${Empty} title="Nothing to audit">No operation was carried out and no request was refused.</${Empty}>`
  }</div></div>`;
}

// MARK: - Dead letters

/** @param {{flow: string | null}} properties */
function DeadLetters({ flow }) {
  const loaded = useLoad(
    async (signal) => (await get('/v1/dead-letters' + query({ flow, limit: 100 }), { signal })).data,
    [flow],
  );
  const [chosen, choose] = useState(/** @type {any} */ (null));
  const isLoaded = !!loaded.data;
  useEffect(
    () => isLoaded ? subscribe({ type: 'dead' }, null, { entry: loaded.reload, reset: loaded.reload }) : undefined,
    [isLoaded],
  );
  if (loaded.error) return html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`;
  if (!loaded.data) return html`<${Loading} />`;
  const { items, page } = loaded.data;
  return html`<div class="stack"><p class="muted">Actions whose attempts are used up, and refused messages of queues. Redriving one runs it again under the same idempotency key.</p>
    <div class="card flush">${
    items.length
      ? html`<table class="cards"><thead><tr><th>Action or event</th><th>Instance or queue</th><th>Reason</th><th>Given up</th><th><span class="hide">Action</span></th></tr></thead><tbody>${
        items.map((/** @type {any} */ letter) =>
          html`<tr key=${letter.id}>
      <td class="title"><strong>${letter.action ?? letter.event}</strong></td><td data-label="Instance">${
            letter.queue
              ? html`${letter.queue} ${letter.messageId}`
              : html`<a data-row href=${link(['instances', letter.flow, letter.key])}>${letter.flow} ${letter.key}</a>`
          }</td>
      <td data-label="Reason"><span><span class="status failed"><${Icon} name="failed" />${letter.code}</span> <span class="muted small-text">${
            code(letter.message)
          }</span></span></td><td data-label="Given up" class="narrow"><${Time} at=${letter.at} /></td>
      <td class="narrow"><button class="small" onClick=${() => choose(letter)}>Details</button></td></tr>`
        )
      }</tbody></table>`
      : html`<${Empty} title="No dead letters">Every action has succeeded or is still being tried.</${Empty}>`
  }</div>
    ${page.next ? html`<p class="muted">There are more than 100; these are the oldest.</p>` : null}
    ${chosen ? html`<${Letter} letter=${chosen} close=${() => choose(null)} done=${loaded.reload} />` : null}</div>`;
}

/** @param {any} properties */
function Letter({ letter, close, done }) {
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [isAsked, setAsked] = useState(false);
  const redrive = async () => {
    setProblem(null);
    try {
      await post(path`/v1/dead-letters/${letter.id}/redrive`, { reason });
      setAsked(true);
      // Whether it succeeds shows only when it has run: it leaves the list, or is back in it.
      toast(letter.queue ? `\`${letter.event}\` was accepted` : `\`${letter.action}\` runs again`);
      done();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  const origin = letter.queue
    ? html`<dt>Queue</dt><dd>${letter.queue} ${letter.messageId}</dd>`
    : html`<dt>Instance</dt><dd><a href=${
      link(['instances', letter.flow, letter.key])
    } onClick=${close}>${letter.flow} ${letter.key}</a></dd>`;
  const title = `${letter.action ?? letter.event}: ${letter.code}`;
  return html`<${Dialog} title=${title} close=${close} wide><dl class="facts">${origin}<dt>Message</dt><dd>${letter.message}</dd></dl>
    <h3>Arguments</h3><pre tabindex="0">${JSON.stringify(letter.arguments, null, 2)}</pre>
    ${
    letter.failures?.length
      ? html`<h3>Attempts</h3><table><tbody>${
        letter.failures.map((/** @type {any} */ one, /** @type {number} */ index) =>
          html`<tr><td class="narrow">${
            index + 1
          }</td><td class="narrow"><${Time} at=${one.at} /></td><td>${one.outcome}</td></tr>`
        )
      }</tbody></table>`
      : null
  }
    <label>Reason<input value=${reason} onInput=${(/** @type {any} */ event) =>
    setReason(event.target.value)} autocomplete="off" /></label><${ProblemNote} problem=${problem} />
    ${
    isAsked ? html`<p class="note good" role="status">Asked. The history of the instance shows the outcome.</p>` : null
  }
    <div class="actions"><button class="primary" disabled=${!may('operate') || isAsked} title=${
    missing('operate')
  } onClick=${redrive}>Redrive</button></div></${Dialog}>`;
}
