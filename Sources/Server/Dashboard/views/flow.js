// One flow: diagram and source side by side, events, versions, schedules, webhooks, starting and deploying.
import { html, useEffect, useState } from '../preact.js';
import { base, flowDefinition, get, missing, path, useLoad } from '../api.js';
import { subscribe } from '../live.js';
import { link, setQuery } from '../app.js';
import {
  clockTime,
  code,
  Commands,
  Copy,
  count,
  Dialog,
  Empty,
  Loading,
  ProblemNote,
  Tabs,
  Time,
  useDeployments,
} from '../parts/basics.js';
import { Deploy } from '../parts/deploy.js';
import { Diagram } from '../parts/diagram.js';
import { RunNow, Triggers } from '../parts/trigger.js';
import { Difference, linesOf, Source } from '../parts/source.js';

/** @param {{route: import('../app.js').Route}} properties */
export default function FlowPage({ route }) {
  const [, flow] = route.path;
  const definition = useLoad(() => flowDefinition(flow), [flow]);
  const stats = useLoad(
    async (signal) => (await get('/v1/stats' + `?flow=${encodeURIComponent(flow)}`, { signal })).data,
    [flow],
  );
  const source = useLoad(async (signal) => (await get(path`/v1/flows/${flow}/source`, { signal })).data.files, [
    flow,
    definition.data?.definition,
  ]);
  const isLoaded = !!stats.data;
  useEffect(() => {
    if (!isLoaded) return;
    let timer = 0;
    const changed = () => {
      if (!timer) {
        timer = setTimeout(() => {
          timer = 0;
          stats.reload();
        }, 1_500);
      }
    };
    const end = subscribe({ flow }, stats.data.asOf, { entry: changed, reset: changed });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [flow, isLoaded]);
  useDeployments(definition.reload);
  if (definition.error) return html`<${ProblemNote} problem=${definition.error} retry=${definition.reload} />`;
  if (!definition.data) return html`<${Loading} />`;
  const view = definition.data;
  const tab = route.query.get('tab') ?? 'diagram';
  const choose = (/** @type {string} */ id) => setQuery({ tab: id === 'diagram' ? null : id }, true);
  const tabs = [{ id: 'diagram', name: 'Diagram' }, { id: 'events', name: 'Events', count: view.events.length }, {
    id: 'versions',
    name: 'Versions',
  }, { id: 'deploy', name: 'Deploy' }];
  const running = (stats.data?.items ?? []).filter((/** @type {any} */ group) =>
    ['running', 'suspended'].includes(group.status)
  );
  return html`<header class="head"><div class="crumbs"><a href="#/flows">Flows</a></div>
      <div class="bar"><h1>${flow}</h1><div class="row"><a class="button" href=${
    link(['instances'], { flow })
  }>Instances</a>
        <${Triggers} flow=${flow} definition=${view} /></div></div>
      <div class="row muted small-text"><span>Version ${view.version}</span><code title=${view.definition}>${
    view.definition.slice(0, 12)
  }</code><span>from ${view.origin}, deployed <${Time} at=${view.deployedAt} /></span><span>${
    count(running.reduce((/** @type {number} */ sum, /** @type {any} */ group) => sum + group.count, 0))
  } running</span>${view.retired ? html`<span class="status">retired</span>` : null}</div></header>
    <div class="stack"><${Schedules} view=${view} /><div class="card flush"><${Tabs} tabs=${tabs} current=${tab} choose=${choose} label="Parts of the flow" />
      <div role="tabpanel" aria-labelledby=${`tab-${tab}`} style=${{ padding: '18px 20px' }}>
        ${
    tab === 'events'
      ? html`<${Events} view=${view} />`
      : tab === 'versions'
      ? html`<${Versions} flow=${flow} current=${view} />`
      : tab === 'deploy'
      ? source.data
        ? html`<${Deploy} key=${view.definition} flow=${flow} text=${
          source.data.length === 1 ? source.data[0].text : ''
        } definition=${view.definition} done=${() => {
          definition.reload();
          choose('diagram');
        }} />`
        : source.error
        ? html`<${Deploy} flow=${flow} definition=${view.definition} done=${definition.reload} />`
        : html`<${Loading} />`
      : html`<${Both} view=${view} source=${source} running=${running} />`
  }</div></div></div>`;
}

/** @param {any} properties */
function Both({ view, source, running }) {
  const [state, choose] = useState('');
  const [isDrawn, setDrawn] = useState(false);
  /** @type {Record<string, number>} */
  const counts = {};
  for (const group of running) for (const path of group.state) counts[path] = (counts[path] ?? 0) + group.count;
  const file = source.data?.find((/** @type {any} */ one) =>
    new RegExp(`^\\s*flow\\s+${view.name}\\b`, 'm').test(one.text)
  );
  return html`<div class="stack"><${Diagram} path=${path`/v1/flows/${view.name}/versions/${view.definition}/graph`} definition=${view} active=${
    Object.keys(counts)
  } counts=${counts} choose=${choose} measured=${() => setDrawn(true)} />
    ${
    isDrawn && Object.keys(counts).length
      ? html`<p class="row small-text muted">Marked states have running instances: ${
        Object.entries(counts).map(([path, number]) =>
          html`<a key=${path} class="pill" href=${
            link(['instances'], { flow: view.name, state: path, status: 'running' })
          }>${path} ${count(number)}</a>`
        )
      }</p>`
      : null
  }
    ${
    !isDrawn
      ? null
      : file
      ? html`<${Source} text=${file.text} flow=${view.name} file=${file.name} lit=${
        state ? linesOf(file.text, state) : undefined
      } label=${`Source of ${view.name}`} />`
      : source.error
      ? html`<p class="muted">${code(source.error.message)}</p>`
      : null
  }</div>`;
}

/** @param {any} properties */
function Schedules({ view }) {
  const scheduled = view.starts.map((/** @type {any} */ one, /** @type {number} */ index) => ({ ...one, index }))
    .filter((/** @type {any} */ one) => one.cron || one.every);
  const [chosen, choose] = useState(/** @type {any} */ (null));
  if (!scheduled.length) return null;
  return html`<section class="card"><div class="bar"><h2>Schedules</h2></div><table class="cards"><thead><tr><th>Schedule</th><th>Time zone</th><th>Next run</th><th><span class="hide">Action</span></th></tr></thead><tbody>${
    scheduled.map((/** @type {any} */ one) =>
      html`<tr><td class="title"><code>${one.cron ?? `every ${one.every}`}</code></td><td data-label="Time zone">${
        one.tz ?? ''
      }</td>
    <td data-label="Next run">${
        one.nextAt
          ? html`<span><${Time} at=${one.nextAt} /> <span class="muted">${clockTime(one.nextAt)}</span></span>`
          : ''
      }</td><td class="narrow"><button class="small" disabled=${!!missing('operate')} title=${
        missing('operate')
      } onClick=${() => choose(one)}>Run now</button></td></tr>`
    )
  }</tbody></table>${
    chosen
      ? html`<${RunNow} flow=${view.name} start=${chosen.index} label=${chosen.label} close=${() => choose(null)} />`
      : null
  }</section>`;
}

/** @param {any} properties */
function Events({ view }) {
  if (!view.events.length) return html`<${Empty}>This flow reacts to no event.</${Empty}>`;
  return html`<div class="stack">${
    view.events.map((/** @type {any} */ event) => {
      const uses = view.transitions.filter((/** @type {any} */ one) => one.event === event.name);
      const roles = [
        ...new Set([
          ...uses,
          ...view.starts.filter((/** @type {any} */ one) => one.event === event.name),
        ].flatMap((/** @type {any} */ one) => one.roles ?? [])),
      ];
      return html`<article key=${event.name} class="stack"><div class="bar"><div class="row"><h2>${event.name}</h2>${
        event.starts ? html`<span class="status running">starts an instance</span>` : null
      }${roles.length ? html`<span class="muted">by ${roles.join(', ')}</span>` : null}</div></div>
      ${
        uses.length
          ? html`<p class="muted small-text">${
            uses.map((/** @type {any} */ one) => `${one.from || 'any state'}${one.to ? ` → ${one.to}` : ''}`).join(
              ' · ',
            )
          }</p>`
          : null
      }
      ${event.webhook ? html`<${Webhook} flow=${view.name} event=${event} />` : null}
      <details><summary class="muted">Schema</summary><pre tabindex="0">${
        JSON.stringify(event.schema, null, 2)
      }</pre></details></article>`;
    })
  }</div>`;
}

/** @param {any} properties */
function Webhook({ flow, event }) {
  const address = new URL(path`/v1/hooks/${flow}/${event.name}`.slice(1), base).href;
  const lines =
    `body='{}'\nsignature=$(printf '%s' "$body" | openssl dgst -${event.webhook.algorithm} -hmac "$SECRET" | sed 's/.* //')\ncurl ${address} --json "$body" -H "${event.webhook.header}: ${event.webhook.algorithm}=$signature"`;
  return html`<div class="note"><div class="bar"><span>Webhook: <code>${address}</code></span><${Copy} text=${address} label="Copy address" /></div><${Commands} commands=${[
    ['a signed delivery', lines],
  ]} /></div>`;
}

// MARK: - Versions

/** @param {any} properties */
function Versions({ flow, current }) {
  const versions = useLoad(async (signal) => (await get(path`/v1/flows/${flow}/versions`, { signal })).data.items, [
    flow,
    current.definition,
  ]);
  const [compared, compare] = useState(/** @type {any} */ (null));
  if (versions.error) return html`<${ProblemNote} problem=${versions.error} retry=${versions.reload} />`;
  if (!versions.data) return html`<${Loading} />`;
  return html`<table class="cards"><thead><tr><th>Version</th><th>Definition</th><th>From</th><th>Deployed</th><th><span class="hide">Action</span></th></tr></thead><tbody>${
    versions.data.map((/** @type {any} */ one, /** @type {number} */ index) =>
      html`<tr key=${one.definition + index}><td class="title"><strong>${one.version ?? '–'}</strong>${
        one.definition === current.definition && index === 0 ? html` <span class="status done">served</span>` : ''
      }</td>
      <td data-label="Definition"><code title=${one.definition}>${
        one.definition.slice(0, 12)
      }</code></td><td data-label="From">${one.origin}</td><td data-label="Deployed"><${Time} at=${one.deployedAt} /></td>
      <td class="narrow">${
        one.definition !== current.definition
          ? html`<button class="small" onClick=${() => compare(one)}>Compare with served</button>`
          : null
      }</td></tr>`
    )
  }</tbody></table>
    ${
    compared
      ? html`<${Compare} flow=${flow} before=${compared} after=${current} close=${() => compare(null)} />`
      : null
  }`;
}

/** @param {any} properties */
function Compare({ flow, before, after, close }) {
  const loaded = useLoad(async () => {
    const text = async (/** @type {string} */ definition) =>
      (await get(path`/v1/flows/${flow}/versions/${definition}/source`)).data.files.map((/** @type {any} */ file) =>
        file.text
      ).join('\n');
    const [old, texts] = await Promise.all([
      flowDefinition(flow, before.definition),
      Promise.all([text(before.definition), text(after.definition)]).catch(() => null),
    ]);
    return { old, texts };
  }, [before.definition, after.definition]);
  return html`<${Dialog} title=${`${
    before.definition.slice(0, 12)
  } and the served version`} wide close=${close}><${ProblemNote} problem=${loaded.error} />${
    loaded.data
      ? html`<${Semantic} before=${loaded.data.old} after=${after} />${
        loaded.data.texts
          ? html`<${Difference} before=${loaded.data.texts[0]} after=${loaded.data.texts[1]} />`
          : html`<p class="muted">One of them was deployed without its source.</p>`
      }`
      : loaded.error
      ? null
      : html`<${Loading} />`
  }</${Dialog}>`;
}

/** The fields of states, with the paths of the states. @param {any} view @returns {string[]} */
function stateFields(view) {
  return Object.entries(view.stateData?.properties ?? {}).flatMap(([state, { properties }]) =>
    Object.keys(properties).map((field) => `${state}.${field}`)
  );
}

/** Differences in meaning, not in text. @param {any} properties */
function Semantic({ before, after }) {
  const name = (/** @type {any} */ one) => `${one.from || 'any state'} → ${one.to ?? 'stays'}: ${one.label}`;
  const rows = [
    [
      'States',
      before.states.map((/** @type {any} */ one) => one.path),
      after.states.map((/** @type {any} */ one) => one.path),
    ],
    [
      'Events',
      before.events.map((/** @type {any} */ one) => one.name),
      after.events.map((/** @type {any} */ one) => one.name),
    ],
    ['Transitions', before.transitions.map(name), after.transitions.map(name)],
    ['Data', Object.keys(before.data.properties), Object.keys(after.data.properties)],
    ['Data of states', stateFields(before), stateFields(after)],
  ].map(([title, old, next]) => ({
    title,
    added: next.filter((/** @type {string} */ one) => !old.includes(one)),
    removed: old.filter((/** @type {string} */ one) => !next.includes(one)),
  })).filter(({ added, removed }) => added.length || removed.length);
  if (!rows.length) {
    return html`<p class="muted">States, events, transitions and data have the same names in both.</p>`;
  }
  return html`<dl class="facts">${
    rows.map(({ title, added, removed }) =>
      html`<dt>${title}</dt><dd>${[
        ...removed.map((/** @type {string} */ one) => html`<div>− ${one}</div>`),
        ...added.map((/** @type {string} */ one) => html`<div>+ ${one}</div>`),
      ]}</dd>`
    )
  }</dl>`;
}
