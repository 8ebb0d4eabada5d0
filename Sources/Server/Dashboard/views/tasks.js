// What the caller may decide now: running instances in states whose events are for the caller's roles.
import { html, useEffect, useRef, useState } from '../preact.js';
import { actAs, acting, flowDefinition, get, identity, path, query, session, useLoad, useStore } from '../api.js';
import { subscribe } from '../live.js';
import { link } from '../app.js';
import { code, Empty, Loading, plural, ProblemNote, States, Time } from '../parts/basics.js';
import { titleOf } from '../parts/board.js';
import { describe } from '../parts/history.js';
import { EventDialog, Refusal } from '../parts/send.js';
import { Why } from '../parts/why.js';

/** Most instances of a state that the list shows. */
const LIMIT = 100;

/** @typedef {{flow: string, key: string, state: string[], revision: number, updatedAt: string, data: any, events: any[]}} Task */

/**
 * The tasks of roles. States of a flow itself are left out: what is possible anywhere is no task.
 * @param {string[]} roles @param {boolean} withOpen whether events that are for everyone count
 * @param {AbortSignal} signal
 */
async function load(roles, withOpen, signal) {
  const flows = (await get('/v1/flows', { signal })).data.items;
  const definitions = await Promise.all(flows.map((/** @type {any} */ flow) => flowDefinition(flow.name)));
  const wanted = definitions.flatMap((definition) =>
    definition.states.map((/** @type {any} */ state) => ({
      definition,
      state: state.path,
      events: own(definition, state.path, roles, withOpen),
    })).filter((/** @type {any} */ one) => one.events.length)
  );
  const pages = await Promise.all(
    wanted.map(({ definition, state }) =>
      get(
        path`/v1/flows/${definition.name}/instances` +
          query({ status: 'running', state, include: 'data', limit: LIMIT, order: 'oldest' }),
        { signal },
      )
    ),
  );
  /** @type {Map<string, Task>} */
  const tasks = new Map();
  pages.forEach(({ data }, index) => {
    for (const row of data.items) {
      const name = `${row.flow}/${row.key}`;
      tasks.set(name, { ...row, events: [...tasks.get(name)?.events ?? [], ...wanted[index].events] });
    }
  });
  const known = new Set(definitions.flatMap((definition) => definition.roles));
  return {
    tasks: [...tasks.values()].sort((a, b) => a.updatedAt < b.updatedAt ? -1 : 1),
    roles: [...known].sort(),
    position: pages.at(-1)?.data.asOf ?? null,
  };
}

/** @param {any} definition @param {string} state @param {string[]} roles @param {boolean} withOpen */
function own(definition, state, roles, withOpen) {
  const names = definition.transitions.filter((/** @type {any} */ one) =>
    one.event && one.from === state &&
    (one.roles?.length ? one.roles.some((/** @type {string} */ role) => roles.includes(role)) : withOpen)
  ).map((/** @type {any} */ one) => one.event);
  return definition.events.filter((/** @type {any} */ event) => names.includes(event.name));
}

export default function Tasks() {
  useStore(acting);
  const me = useStore(session);
  const { name, roles } = identity();
  const [withOpen, setOpen] = useState(false);
  const loaded = useLoad((signal) => load(roles, withOpen, signal), [roles.join(), withOpen]);
  const [chosen, choose] = useState(/** @type {{task: Task, event: any} | null} */ (null));
  const timer = useRef(0);
  const isLoaded = !!loaded.data;
  useEffect(() => {
    if (!isLoaded) return;
    const changed = () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(loaded.reload, 700);
    };
    const end = subscribe({ type: 'step' }, loaded.data?.position ?? null, { entry: changed, reset: changed });
    return () => {
      clearTimeout(timer.current);
      end();
    };
  }, [isLoaded, roles.join(), withOpen]);
  const isAnyone = me && me.authentication === 'none';
  const toggle = (/** @type {string} */ role) =>
    actAs({
      name: acting.value.name,
      roles: roles.includes(role) ? roles.filter((/** @type {string} */ one) => one !== role) : [...roles, role],
    });
  return html`<header class="head"><h1>Tasks</h1><p class="muted lead">${
    name || roles.length
      ? html`Decisions that wait for ${name || 'you'}${roles.length ? html` as ${roles.join(', ')}` : ''}.`
      : 'Decisions that wait for your roles.'
  }</p>
      <div class="row">${
    isAnyone && loaded.data
      ? loaded.data.roles.map((role) =>
        html`<label class="check" key=${role}><input type="checkbox" checked=${roles.includes(role)} onChange=${() =>
          toggle(role)} />${role}</label>`
      )
      : null
  }
      <label class="check"><input type="checkbox" checked=${withOpen} onChange=${(/** @type {any} */ event) =>
    setOpen(event.target.checked)} />Events for everyone</label></div></header>
    ${
    loaded.error
      ? html`<${ProblemNote} problem=${loaded.error} retry=${loaded.reload} />`
      : !loaded.data
      ? html`<${Loading} />`
      : !loaded.data.tasks.length
      ? html`<div class="card"><${Empty} title="Nothing waits for you">${
        roles.length
          ? 'New tasks appear here as they come up.'
          : isAnyone
          ? 'Choose the roles that you act in.'
          : 'Your key has no role that a flow asks for.'
      }</${Empty}></div>`
      : html`<div class="stack"><p class="muted">${
        plural(loaded.data.tasks.length, 'task')
      }, the longest waiting first</p>${
        loaded.data.tasks.map((task) =>
          html`<${TaskCard} key=${`${task.flow}/${task.key}`} task=${task} choose=${(/** @type {any} */ event) =>
            choose({ task, event })} />`
        )
      }</div>`
  }
    ${
    chosen
      ? html`<${EventDialog} title=${`${chosen.event.name}: ${
        titleOf(chosen.task.data) || chosen.task.key
      }`} flow=${chosen.task.flow} instanceKey=${chosen.task.key} event=${chosen.event} revision=${chosen.task.revision} close=${() =>
        choose(null)} sent=${loaded.reload} />`
      : null
  }`;
}

/** @param {{task: Task, choose: (event: any) => void}} properties */
function TaskCard({ task, choose }) {
  const [asks, ask] = useState(false);
  const [hasLog, showLog] = useState(false);
  const details = Object.entries(task.data ?? {}).filter(([name, value]) =>
    name !== 'title' && name !== 'id' && value !== '' && value !== null && typeof value !== 'object'
  ).slice(0, 6);
  return html`<article class="card task"><div class="bar"><div class="row"><h2><a data-row href=${
    link(['instances', task.flow, task.key])
  }>${
    titleOf(task.data) || task.key
  }</a></h2><${States} paths=${task.state} /></div><span class="muted small-text">${task.flow} ${task.key} · waits since <${Time} at=${task.updatedAt} /></span></div>
    ${
    details.length
      ? html`<dl class="inline">${
        details.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${String(value)}</dd></div>`)
      }</dl>`
      : null
  }
    <div class="row">${
    task.events.map((event, index) =>
      html`<button key=${event.name} class=${index ? '' : 'primary'} onClick=${() =>
        choose(event)}>${event.name}</button>`
    )
  }<button class="quiet" aria-expanded=${asks ? 'true' : 'false'} onClick=${() =>
    ask(!asks)}>What would happen</button><button class="quiet" aria-expanded=${
    hasLog ? 'true' : 'false'
  } onClick=${() => showLog(!hasLog)}>Log</button></div>
    ${asks ? html`<${Outlook} task=${task} />` : null}${hasLog ? html`<${TaskLog} task=${task} />` : null}</article>`;
}

/** The events that an instance has received, with their callers. @param {{task: Task}} properties */
function TaskLog({ task }) {
  const loaded = useLoad(
    async (signal) =>
      (await get(path`/v1/flows/${task.flow}/instances/${task.key}/history` + '?type=step&limit=200', { signal })).data
        .items,
    [task.flow, task.key, task.revision],
  );
  if (loaded.error) return html`<${Refusal} problem=${loaded.error} />`;
  if (!loaded.data) return html`<${Loading} />`;
  return html`<ol class="steps">${
    loaded.data.map((/** @type {any} */ entry) =>
      html`<li key=${entry.offset}><strong>${describe(entry).title}</strong>${
        entry.data.event?.caller ? ` by ${entry.data.event.caller}` : ''
      } <span class="muted">${
        describe(entry).text
      }</span> <span class="muted small-text"><${Time} at=${entry.at} /></span></li>`
    )
  }</ol>`;
}

/** @param {{task: Task}} properties */
function Outlook({ task }) {
  const who = useStore(acting);
  const answers = useLoad(
    async (signal) =>
      (await get(path`/v1/flows/${task.flow}/instances/${task.key}/transitions`, { signal })).data.items,
    [task.revision, who],
  );
  if (answers.error) return html`<${Refusal} problem=${answers.error} />`;
  if (!answers.data) return html`<${Loading} />`;
  const words = /** @type {Record<string, string>} */ ({
    'be-applied': 'would be accepted',
    'be-refused': 'would be refused',
    'be-ignored': 'would be ignored',
    'be-deferred': 'would be deferred',
    depend: 'depends on its data',
  });
  return html`<ul>${
    answers.data.map((/** @type {any} */ item) =>
      html`<li key=${item.event}><strong>${item.event}</strong> ${words[item.would]}${
        item.to ? ` → ${item.to.join(', ')}` : ''
      }${item.detail ? html`: ${code(item.detail)}` : ''}<${Why} explanation=${item.explanation} /></li>`
    )
  }</ul>`;
}
