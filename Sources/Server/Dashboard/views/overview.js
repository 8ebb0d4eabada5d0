// All flows at a glance; every number says what it counts.
import { html, useEffect, useRef } from '../preact.js';
import { get, useLoad } from '../api.js';
import { subscribe } from '../live.js';
import { link } from '../app.js';
import { count, duration, Empty, Icon, Loading, ProblemNote, useDeployments } from '../parts/basics.js';

/** How often the numbers are read while things happen, in milliseconds. */
const PACE = 2_000;

export default function Overview() {
  const flows = useLoad(async (signal) => (await get('/v1/flows', { signal })).data.items, []);
  const stats = useLoad(async (signal) => (await get('/v1/stats?include=rates', { signal })).data, []);
  const waits = useRef(0);
  const position = stats.data?.asOf;
  const isLoaded = !!stats.data;
  useEffect(() => {
    if (!isLoaded) return;
    const changed = () => {
      if (waits.current) return;
      waits.current = setTimeout(() => {
        waits.current = 0;
        stats.reload();
      }, PACE);
    };
    return subscribe({}, position, { entry: changed, reset: changed });
  }, [isLoaded]);
  useDeployments(flows.reload);
  const error = flows.error ?? stats.error;
  if (error && !stats.data) {
    return html`<${ProblemNote} problem=${error} retry=${() => {
      flows.reload();
      stats.reload();
    }} />`;
  }
  if (!flows.data || !stats.data) return html`<${Loading} />`;
  const { items, deadLetters, incidents, timers, jobs, rates } = stats.data;
  const sum = (/** @type {(group: any) => boolean} */ test) =>
    items.filter(test).reduce((/** @type {number} */ total, /** @type {any} */ group) => total + group.count, 0);
  return html`<header class="head"><h1>Overview</h1></header><div class="stack">
    <div class="tiles">
      <${Tile} href=${link(['instances'], { status: 'running' })} number=${
    sum((group) => group.status === 'running')
  } label="Running" scope="all flows, now" />
      <${Tile} href=${link(['instances'], { status: 'failed' })} number=${
    sum((group) => group.status === 'failed')
  } label="Failed" scope="instances in the store" />
      <${Tile} href=${link(['instances'], { status: 'suspended' })} number=${
    sum((group) => group.status === 'suspended')
  } label="Suspended" scope="by an operator, now" />
      ${
    deadLetters === undefined
      ? null
      : html`<${Tile} href="#/server?tab=dead" number=${deadLetters} label="Dead letters" scope="actions given up, now" isBad=${
        deadLetters > 0
      } />
      <${Tile} href=${
        link(['instances'], { incident: 'true' })
      } number=${incidents} label="Incidents" scope="instances that need help, now" isBad=${incidents > 0} />
      <${Tile} href="#/server?tab=jobs" number=${jobs} label="Jobs" scope="running or waiting, now" /><${Tile} number=${timers} label="Timers" scope="armed, now" />`
  }
    </div>
    ${
    flows.data.length
      ? html`<div class="flows">${
        flows.data.map((/** @type {any} */ flow) =>
          html`<${FlowCard} key=${flow.name} flow=${flow} groups=${
            items.filter((/** @type {any} */ group) => group.flow === flow.name)
          } rates=${
            rates?.items?.find((/** @type {any} */ one) => one.flow === flow.name)
          } />`
        )
      }</div>`
      : html`<${Empty} title="No flow is served">Deploy one with <code>flow ctl deploy</code>.</${Empty}>`
  }</div>`;
}

/** @param {{number: number, label: string, scope: string, href?: string, isBad?: boolean}} properties */
function Tile({ number, label, scope, href, isBad }) {
  const content = html`<span class="label">${label}</span><strong>${
    count(number)
  }</strong><span class="scope">${scope}</span>`;
  const kind = 'card tile' + (isBad ? ' bad' : '');
  return href ? html`<a class=${kind} href=${href}>${content}</a>` : html`<div class=${kind}>${content}</div>`;
}

/** @param {any} properties */
function FlowCard({ flow, groups, rates }) {
  const running = groups.filter((/** @type {any} */ group) =>
    group.status === 'running' || group.status === 'suspended'
  );
  const ended = groups.filter((/** @type {any} */ group) => !running.includes(group));
  const total = (/** @type {any[]} */ some) => some.reduce((sum, group) => sum + group.count, 0);
  const most = Math.max(1, ...merged(groups).map((group) => group.count));
  const oldest = running.reduce(
    (/** @type {any} */ found, /** @type {any} */ group) =>
      !found || group.oldestSeconds > found.oldestSeconds ? group : found,
    null,
  );
  return html`<section class="card stack" aria-labelledby=${`flow-${flow.name}`}><div class="bar"><h2 id=${`flow-${flow.name}`}><a href=${
    link(['flows', flow.name])
  }>${flow.name}</a></h2>
      <span class="muted small-text">${count(total(running))} running · ${count(total(ended))} ended${
    flow.retired ? ' · retired' : ''
  }</span></div>
    ${rates ? html`<${Spark} rates=${rates} />` : null}
    ${
    groups.length
      ? html`<div class="bars">${
        merged(groups).map((group) =>
          html`<a key=${group.state + group.status} href=${
            link(['instances'], { flow: flow.name, status: group.status, state: group.state })
          }>
      <span class="label">${group.state || 'all'}</span><span class="track"><span class=${group.status} style=${{
            width: `${100 * group.count / most}%`,
          }}></span></span>
      <span class="number">${count(group.count)} <span class="hide">${group.status}</span></span></a>`
        )
      }</div>`
      : html`<p class="muted">No instance yet.</p>`
  }
    ${
    oldest
      ? html`<p class="muted small-text"><${Icon} name="clock" /> Longest without a change: ${
        duration(oldest.oldestSeconds * 1000)
      } in ${oldest.state.join(', ')}</p>`
      : null
  }</section>`;
}

/** Counts by state, over versions. @param {any[]} groups */
function merged(groups) {
  /** @type {Map<string, {state: string, status: string, count: number}>} */
  const found = new Map();
  for (const group of groups) {
    const name = `${group.status} ${group.state.join(', ')}`;
    const known = found.get(name) ?? { state: group.state.join(', '), status: group.status, count: 0 };
    found.set(name, { ...known, count: known.count + group.count });
  }
  return [...found.values()];
}

/** Started and failed per minute. @param {{rates: any}} properties */
function Spark({ rates }) {
  const { started = [], failed = [], finished = [] } = rates;
  const most = Math.max(1, ...started, ...finished);
  const line = (/** @type {number[]} */ values) =>
    values.map((value, index) =>
      `${index ? 'L' : 'M'}${(100 * index / Math.max(values.length - 1, 1)).toFixed(2)} ${
        (34 - 32 * value / most).toFixed(2)
      }`
    ).join('');
  const sum = (/** @type {number[]} */ values) => values.reduce((total, value) => total + value, 0);
  const text = `${count(sum(started))} started, ${count(sum(finished))} finished, ${
    count(sum(failed))
  } failed in the last ${started.length}\u00a0min`;
  return html`<figure style=${{
    margin: 0,
  }}><svg class="spark" viewBox="0 0 100 36" preserveAspectRatio="none" role="img" aria-label=${text}>
      <path class="area" d=${`${line(started)}L100 35L0 35Z`} /><path class="line" d=${line(started)} />${
    sum(failed) ? html`<path class="bad" d=${line(failed)} />` : null
  }</svg>
    <figcaption class="muted small-text">${text}</figcaption></figure>`;
}
