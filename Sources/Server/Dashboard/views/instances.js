// The list of instances: filters in the address, live changes, operations on everything that matches.
import { html, useEffect, useRef, useState } from '../preact.js';
import { get, may, missing, path, post, Problem, query, useLoad } from '../api.js';
import { subscribe } from '../live.js';
import { link, setQuery } from '../app.js';
import {
  count,
  Dialog,
  Empty,
  Icon,
  Loading,
  plural,
  ProblemNote,
  States,
  Status,
  Time,
  toast,
} from '../parts/basics.js';
import { Board } from '../parts/board.js';
import { Triggers } from '../parts/trigger.js';

const FILTERS = [
  'status',
  'state',
  'version',
  'key',
  'q',
  'startedAfter',
  'startedBefore',
  'updatedAfter',
  'updatedBefore',
  'incident',
];
const STATUSES = ['running', 'done', 'failed', 'cancelled', 'suspended'];

/** The filter of an address as members of the API's query. @param {URLSearchParams} given */
function filterOf(given) {
  /** @type {Record<string, string>} */
  const filter = {};
  for (const name of ['flow', ...FILTERS]) if (given.get(name)) filter[name] = String(given.get(name));
  return filter;
}

/** @param {{route: import('../app.js').Route}} properties */
export default function Instances({ route }) {
  const filter = filterOf(route.query);
  const flows = useLoad(async (signal) => (await get('/v1/flows', { signal })).data.items, []);
  const stats = useLoad(
    async (signal) => (await get('/v1/stats' + query({ flow: filter.flow }), { signal })).data.items,
    [filter.flow],
  );
  const [isBulk, setBulk] = useState(false);
  const isBoard = route.query.get('view') === 'board' && filter.flow;
  const choose = (/** @type {string} */ view) => setQuery({ view: view === 'board' ? 'board' : null });
  return html`<header class="head"><div class="bar"><h1>Instances</h1><div class="row">
      ${
    filter.flow
      ? html`<div class="segments" role="group" aria-label="Form">${
        ['list', 'board'].map((name) =>
          html`<button key=${name} aria-pressed=${
            (isBoard ? 'board' : 'list') === name ? 'true' : 'false'
          } onClick=${() => choose(name)}><${Icon} name=${name === 'list' ? 'instances' : 'board'} />${
            name === 'list' ? 'List' : 'Board'
          }</button>`
        )
      }</div>`
      : null
  }
      ${filter.flow ? html`<${Triggers} key=${filter.flow} flow=${filter.flow} />` : null}
      <button onClick=${() => setBulk(true)} disabled=${!!missing('operate')} title=${
    missing('operate')
  }>Act on all that match</button></div></div></header>
    <div class="stack"><${Filters} filter=${filter} flows=${flows.data} stats=${stats.data} order=${
    route.query.get('order')
  } isBoard=${isBoard} />
      ${
    isBoard
      ? html`<${Board} key=${JSON.stringify(filter)} flow=${filter.flow} filter=${filter} />`
      : html`<${List} key=${JSON.stringify([filter, route.query.get('order')])} filter=${filter} order=${
        route.query.get('order') ?? 'newest'
      } />`
  }</div>
    ${isBulk ? html`<${Bulk} filter=${filter} close=${() => setBulk(false)} />` : null}`;
}

// MARK: - Filters

/** A text of the search field as a filter: a condition, or what a key begins with. @param {string} text */
export function searchFilter(text) {
  const isCondition = /[=<>!&|()]|^data\.|\bin\b/.test(text);
  return { q: isCondition ? text : null, key: isCondition || !text ? null : text };
}

/** @param {any} properties */
function Filters({ filter, flows, stats, order, isBoard }) {
  const search = (/** @type {any} */ event) => {
    event.preventDefault();
    const text = String(new FormData(event.target).get('search')).trim();
    if (!text) return;
    const { q, key } = searchFilter(text);
    setQuery({ q: q ? (filter.q ? `${filter.q} && ${q}` : q) : filter.q, key: key ?? filter.key });
    event.target.reset();
  };
  const [completions, propose] = useState(/** @type {string[]} */ ([]));
  const complete = async (/** @type {any} */ event) => {
    const text = event.target.value;
    if (!filter.flow || !text) return propose([]);
    const { from, items } =
      (await get(`${path`/v1/flows/${filter.flow}/completions`}?${new URLSearchParams({ q: text })}`)).data;
    const start = [...text].slice(0, from).join('');
    if (event.target.value === text) propose(items.map((/** @type {any} */ item) => start + item.label));
  };
  const totals = (/** @type {string} */ status) =>
    (stats ?? []).filter((/** @type {any} */ one) => one.status === status).reduce(
      (/** @type {number} */ sum, /** @type {any} */ one) => sum + one.count,
      0,
    );
  const states = [...new Set((stats ?? []).flatMap((/** @type {any} */ one) => one.state))].sort();
  const chips = Object.entries(filter).filter(([name]) => name !== 'flow' && name !== 'status');
  return html`<div class="stack"><form class="filters" onSubmit=${search}>
      <div class="search"><${Icon} name="search" /><input name="search" data-search aria-label="Search" placeholder="Key, or a condition such as data.paid > 10.0" autocomplete="off" spellcheck="false" list="conditions" onInput=${complete} />
        <datalist id="conditions">${
    completions.map((text) => html`<option key=${text} value=${text} />`)
  }</datalist></div>
      <select aria-label="Flow" value=${filter.flow ?? ''} onChange=${(/** @type {any} */ event) =>
    setQuery({ flow: event.target.value, state: null, view: event.target.value ? undefined : null })}>
        <option value="">All flows</option>${
    (flows ?? []).map((/** @type {any} */ flow) =>
      html`<option key=${flow.name} value=${flow.name}>${flow.name}</option>`
    )
  }</select>
      <select aria-label="State" value=${filter.state ?? ''} onChange=${(/** @type {any} */ event) =>
    setQuery({ state: event.target.value })}>
        <option value="">Any state</option>${
    states.map((name) => html`<option key=${name} value=${name}>${name}</option>`)
  }</select>
      <select aria-label="Order" value=${order ?? 'newest'} onChange=${(/** @type {any} */ event) =>
    setQuery({
      order: event.target.value,
    })}><option value="newest">Newest first</option><option value="oldest">Oldest first</option></select>
    </form>
    ${
    isBoard
      ? null
      : html`<div class="tabs" role="group" aria-label="Status">${
        ['', ...STATUSES].map((status) =>
          html`<button key=${status} aria-pressed=${(filter.status ?? '') === status ? 'true' : 'false'}
      onClick=${() => setQuery({ status })}>${status ? status[0].toUpperCase() + status.slice(1) : 'All'}${
            status && totals(status)
              ? html`<span class="count" title=${`All ${status} instances${
                filter.flow ? ` of ${filter.flow}` : ''
              }`}>${count(totals(status))}</span>`
              : null
          }</button>`
        )
      }</div>`
  }
    ${
    chips.length
      ? html`<div class="row">${
        chips.map(([name, value]) =>
          html`<span class="chip" key=${name}><span>${
            name === 'incident' ? 'with an incident' : `${name}: ${value}`
          }</span><button aria-label=${`Remove the filter ${name}`} onClick=${() =>
            setQuery({ [name]: null })}><${Icon} name="close" /></button></span>`
        )
      }
      <${SavedViews} /></div>`
      : html`<${SavedViews} />`
  }</div>`;
}

/** Named addresses, kept in this browser. */
function SavedViews() {
  const [views, set] = useState(/** @type {{name: string, hash: string}[]} */ (read()));
  function read() {
    try {
      return JSON.parse(localStorage.getItem('flow.views') ?? '[]');
    } catch {
      return [];
    }
  }
  const write = (/** @type {{name: string, hash: string}[]} */ next) => {
    set(next);
    try {
      localStorage.setItem('flow.views', JSON.stringify(next));
    } catch { /* They last as long as the page, then. */ }
  };
  const isFiltered = location.hash.includes('?');
  const isKnown = views.some((view) => view.hash === location.hash);
  const save = () => {
    const name = prompt('Name of this view');
    if (name) write([...views.filter((view) => view.name !== name), { name, hash: location.hash }]);
  };
  if (!views.length && !isFiltered) return null;
  return html`<div class="row">${
    views.map((view) =>
      html`<span class="chip" key=${view.name}><a href=${view.hash}>${view.name}</a><button aria-label=${`Delete the view ${view.name}`} onClick=${() =>
        write(views.filter((one) => one !== view))}><${Icon} name="close" /></button></span>`
    )
  }
    ${
    isFiltered && !isKnown
      ? html`<button class="small quiet" onClick=${save}><${Icon} name="plus" />Save this view</button>`
      : null
  }</div>`;
}

// MARK: - List

/** @param {{filter: Record<string, string>, order: string}} properties */
function List({ filter, order }) {
  const [rows, setRows] = useState(/** @type {any[]} */ ([]));
  const [page, setPage] = useState(/** @type {{next: string | null, total?: number}} */ ({ next: null }));
  const [news, setNews] = useState(0);
  const [round, setRound] = useState(0);
  const address = '/v1/instances' + query({ ...filter, order, limit: 50, count: true });
  const first = useLoad(async (signal) => (await get(address, { signal })).data, [address, round]);
  const known = useRef(new Map());
  useEffect(() => {
    if (!first.data) return;
    setRows(first.data.items);
    setPage(first.data.page);
    setNews(0);
    known.current = new Map(first.data.items.map((/** @type {any} */ row) => [`${row.flow}/${row.key}`, row]));
    return subscribe(filter.flow ? { flow: filter.flow } : {}, first.data.asOf, {
      entry,
      reset: () => setRound((n) => n + 1),
    });
  }, [first.data]);
  /** @param {import('../live.js').Entry} entry */
  function entry(entry) {
    if (entry.type !== 'step' && entry.type !== 'operator' && entry.type !== 'incident') return;
    const name = `${entry.flow}/${entry.key}`;
    const row = known.current.get(name);
    if (!row) {
      if (entry.data.created || filter.status || filter.state || filter.q) setNews((n) => n + 1);
      return;
    }
    if (entry.revision < row.revision) return;
    // The row stays where it is under the pointer; it only tells that it does not match any more.
    const changed = { ...row, revision: entry.revision, updatedAt: entry.at, isFresh: Date.now() };
    if (entry.type === 'step') {
      Object.assign(changed, { state: entry.data.to, status: entry.data.status, incident: undefined });
    }
    if (entry.type === 'operator' && entry.data.status) changed.status = entry.data.status;
    if (entry.type === 'incident') changed.incident = entry.data.message;
    changed.isGone = filter.status && changed.status !== filter.status ||
      filter.state &&
        !changed.state.some((/** @type {string} */ one) => one === filter.state || one.startsWith(filter.state + '.'));
    known.current.set(name, changed);
    schedule();
  }
  const timer = useRef(/** @type {number | null} */ (null));
  function schedule() {
    if (timer.current !== null) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      setRows((before) => before.map((row) => known.current.get(`${row.flow}/${row.key}`) ?? row));
    }, 200);
  }
  const more = async () => {
    const { data } = await get(address + '&cursor=' + page.next);
    for (const row of data.items) known.current.set(`${row.flow}/${row.key}`, row);
    setRows((before) => [...before, ...data.items]);
    setPage((before) => ({ ...data.page, total: before.total }));
  };
  const reload = () => setRound((n) => n + 1);
  if (first.error) return html`<${ProblemNote} problem=${first.error} retry=${first.reload} />`;
  if (!first.data) return html`<${Loading} />`;
  return html`${
    news
      ? html`<button class="news primary" onClick=${reload}><${Icon} name="reload" />${
        plural(news, 'change')
      } outside of this list</button>`
      : null
  }
    <div class="card flush">${
    rows.length
      ? html`<table class="cards"><thead><tr><th>Key</th>${
        filter.flow ? null : html`<th>Flow</th>`
      }<th>State</th><th>Status</th><th class="number">Revision</th><th>Started</th><th>Changed</th></tr></thead>
      <tbody>${
        rows.map((row) =>
          html`<tr key=${`${row.flow}/${row.key}/${row.isFresh ?? 0}`} data-row class=${
            (row.isFresh ? 'fresh ' : '') + (row.isGone ? 'gone' : '')
          }>
        <td class="title"><a class="key" href=${link(['instances', row.flow, row.key])}>${row.key}</a></td>
        ${filter.flow ? null : html`<td data-label="Flow"><a href=${link(['flows', row.flow])}>${row.flow}</a></td>`}
        <td data-label="State"><${States} paths=${row.state} /></td><td data-label="Status" class="narrow"><${Status} status=${row.status} incident=${row.incident} /></td>
        <td data-label="Revision" class="number narrow">${row.revision}</td><td data-label="Started" class="narrow"><${Time} at=${row.startedAt} /></td><td data-label="Changed" class="narrow"><${Time} at=${row.updatedAt} /></td></tr>`
        )
      }</tbody></table>`
      : html`<${Empty} title="No instances match">${
        Object.keys(filter).length ? 'Remove a filter to see more.' : 'Start one from its flow.'
      }</${Empty}>`
  }</div>
    <div class="bar"><span class="muted">${count(rows.length)} shown${
    page.total !== undefined ? ` of ${count(page.total)} that match` : ''
  }</span>
      <div class="row">${
    rows.length ? html`<button class="small quiet" onClick=${() => download(filter)}>Export keys</button>` : null
  }
      ${page.next ? html`<button onClick=${more}>Show more</button>` : null}</div></div>`;
}

/** Saves the keys of everything that matches as CSV. @param {Record<string, string>} filter */
async function download(filter) {
  const lines = ['flow,key,status,state,revision,startedAt,updatedAt'];
  const quote = (/** @type {any} */ value) => `"${String(value).replaceAll('"', '""')}"`;
  try {
    for (let cursor = '';;) {
      const { data } = await get('/v1/instances' + query({ ...filter, limit: 500, cursor }));
      for (const row of data.items) {
        lines.push(
          [row.flow, row.key, row.status, row.state.join(' '), row.revision, row.startedAt, row.updatedAt].map(quote)
            .join(','),
        );
      }
      if (!data.page.next) break;
      cursor = data.page.next;
    }
  } catch (error) {
    return toast(error instanceof Problem ? error.message : String(error), 'bad');
  }
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(new Blob([lines.join('\n') + '\n'], { type: 'text/csv' }));
  anchor.download = 'instances.csv';
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

// MARK: - Bulk

const operations = [
  ['retry', 'Retry', 'Runs waiting retries immediately'],
  ['suspend', 'Suspend', 'Holds events, timers and results'],
  ['resume', 'Resume', 'Continues suspended instances'],
  ['migrate', 'Migrate', 'Moves to the version that new instances run'],
  ['cancel', 'Cancel', 'Ends the instances'],
];

/** @param {{filter: Record<string, string>, close: () => void}} properties */
function Bulk({ filter, close }) {
  const [operation, setOperation] = useState('retry');
  const [reason, setReason] = useState('');
  const [preview, setPreview] = useState(/** @type {any} */ (null));
  const [batch, setBatch] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [confirmation, setConfirmation] = useState('');
  const [isBusy, setBusy] = useState(false);
  const { version, incident, ...rest } = filter;
  /** @type {Record<string, string | number | boolean>} */
  const typed = { ...rest };
  if (version) typed.version = Number(version);
  if (incident) typed.incident = incident === 'true';
  const body = { op: operation, filter: typed, reason };
  const isOpen = useRef(true);
  useEffect(() => () => {
    isOpen.current = false;
  }, []);
  const run = async (/** @type {boolean} */ dryRun) => {
    setProblem(null);
    setBusy(true);
    try {
      let { data } = await post('/v1/batches', { ...body, dryRun });
      const show = dryRun ? setPreview : setBatch;
      for (show(data); data.status === 'running' && isOpen.current; show(data)) {
        await new Promise((done) => setTimeout(done, 400));
        data = (await get(path`/v1/batches/${data.id}`)).data;
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const choose = (/** @type {string} */ name) => {
    setOperation(name);
    setPreview(null);
    setBatch(null);
  };
  const needsWord = operation === 'cancel' && confirmation !== 'cancel';
  return html`<${Dialog} title="Act on all that match" close=${close}>
    <p class="muted">${
    Object.keys(filter).length
      ? html`Everything that matches, not only the rows shown: ${
        Object.entries(filter).map(([name, value]) => html`<code class="pill">${name}:\u00a0${value}</code> `)
      }`
      : 'No filter is set: this is about all instances of all flows.'
  }</p>
    <label>Operation<select value=${operation} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>${
    operations.map(([name, title, text]) => html`<option key=${name} value=${name}>${title}: ${text}</option>`)
  }</select></label>
    <label>Reason<input value=${reason} onInput=${(/** @type {any} */ event) =>
    setReason(event.target.value)} placeholder="Recorded in each history" /></label>
    ${preview ? html`<${BatchState} batch=${preview} word="would change" />` : null}${
    batch ? html`<${BatchState} batch=${batch} word="changed" />` : null
  }
    ${
    preview && operation === 'cancel' && !batch
      ? html`<label>Type “cancel” to confirm<input value=${confirmation} onInput=${(/** @type {any} */ event) =>
        setConfirmation(event.target.value)} autocomplete="off" /></label>`
      : null
  }
    <${ProblemNote} problem=${problem} />
    <div class="actions"><button disabled=${isBusy} onClick=${() => run(true)}>Preview</button><button class=${
    operation === 'cancel' ? 'danger' : 'primary'
  } disabled=${isBusy || !preview || preview.status !== 'done' || needsWord || !may('operate')} title=${
    preview ? '' : 'Preview first'
  } onClick=${() => run(false)}>${operations.find(([name]) => name === operation)?.[1]} all</button></div></${Dialog}>`;
}

/** @param {{batch: any, word: string}} properties */
function BatchState({ batch, word }) {
  return html`<div class=${batch.refused ? 'note warn' : 'note good'} role="status"><strong>${
    count(batch.done)
  } ${word}, ${count(batch.refused)} refused${batch.status === 'running' ? ' so far…' : ''}</strong>
    ${
    batch.errors?.length
      ? html`<ul>${
        batch.errors.slice(0, 5).map((/** @type {any} */ one) => html`<li>${one.instance}: ${one.problem.detail}</li>`)
      }</ul>${batch.errors.length > 5 ? html`<p>and ${batch.errors.length - 5} more</p>` : null}`
      : null
  }</div>`;
}
