// The flows that are served.
import { html } from '../preact.js';
import { get, missing, useLoad } from '../api.js';
import { link, setQuery } from '../app.js';
import { count, Dialog, Empty, Loading, ProblemNote, Time, useDeployments } from '../parts/basics.js';
import { Deploy } from '../parts/deploy.js';

/** @param {{route: import('../app.js').Route}} properties */
export default function Flows({ route }) {
  const flows = useLoad(async (signal) => (await get('/v1/flows', { signal })).data.items, []);
  const stats = useLoad(async (signal) => (await get('/v1/stats', { signal })).data.items, []);
  useDeployments(flows.reload);
  if (flows.error) return html`<${ProblemNote} problem=${flows.error} retry=${flows.reload} />`;
  if (!flows.data) return html`<${Loading} />`;
  const running = (/** @type {string} */ name) =>
    (stats.data ?? []).filter((/** @type {any} */ group) =>
      group.flow === name && ['running', 'suspended'].includes(group.status)
    ).reduce((/** @type {number} */ sum, /** @type {any} */ group) => sum + group.count, 0);
  return html`<header class="head bar"><h1>Flows</h1><button class="primary" disabled=${!!missing('deploy')} title=${
    missing('deploy')
  } onClick=${() => setQuery({ deploy: 'new' })}>Deploy a flow</button></header>
    <div class="card flush">${
    flows.data.length
      ? html`<table class="cards"><thead><tr><th>Flow</th><th class="number">Version</th><th>Started by</th><th class="number">States</th><th class="number">Running</th><th>From</th><th>Deployed</th></tr></thead>
      <tbody>${
        flows.data.map((/** @type {any} */ flow) =>
          html`<tr key=${flow.name} data-row><td class="title"><a class="key" href=${
            link(['flows', flow.name])
          }>${flow.name}</a>${flow.retired ? html` <span class="status">retired</span>` : ''}</td>
        <td data-label="Version" class="number">${flow.version}</td><td data-label="Started by">${
            flow.startsOn.join(', ') || html`<span class="muted">schedule or call</span>`
          }</td><td data-label="States" class="number">${flow.states.length}</td>
        <td data-label="Running" class="number"><a href=${
            link(['instances'], { flow: flow.name, status: 'running' })
          }>${
            count(running(flow.name))
          }</a></td><td data-label="From">${flow.origin}</td><td data-label="Deployed" class="narrow"><${Time} at=${flow.deployedAt} /></td></tr>`
        )
      }</tbody></table>`
      : html`<${Empty} title="No flow is served">Deploy the first one.</${Empty}>`
  }</div>
    ${
    route.query.get('deploy')
      ? html`<${Dialog} title="Deploy a flow" wide close=${() => setQuery({ deploy: null })}><${Deploy} done=${(
        /** @type {any} */ answer,
      ) => {
        location.hash = link(['flows', answer.name]);
      }} /></${Dialog}>`
      : null
  }`;
}
