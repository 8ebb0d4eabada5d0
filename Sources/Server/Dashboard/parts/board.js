// A board: a column for each state, a card for each instance, moved by the events of the flow.
import { html, useEffect, useRef, useState } from '../preact.js';
import { flowDefinition, get, missing, path, Problem, query, useLoad } from '../api.js';
import { subscribe } from '../live.js';
import { link } from '../app.js';
import { count, Dialog, Loading, ProblemNote, States, Time, toast } from './basics.js';
import { EventDialog, Refusal, sendEvent } from './send.js';

/** @param {{flow: string, filter: Record<string, string>}} properties */
export function Board({ flow, filter }) {
  const definition = useLoad(() => flowDefinition(flow), [flow]);
  const [round, setRound] = useState(0);
  const { status: _, flow: __, ...rest } = filter;
  const loaded = useLoad(
    async (signal) =>
      (await get(path`/v1/flows/${flow}/instances` + query({ ...rest, limit: 500, include: 'data', order: 'newest' }), {
        signal,
      })).data,
    [round],
  );
  const [cards, setCards] = useState(/** @type {any[]} */ ([]));
  const [pending, setPending] = useState(/** @type {any} */ (null));
  const [newer, setNewer] = useState(/** @type {any} */ (null));
  const [over, setOver] = useState('');
  const dragged = useRef(/** @type {any} */ (null));
  useEffect(() => {
    if (!loaded.data) return;
    setCards(loaded.data.items);
    return subscribe({ flow }, loaded.data.asOf, {
      entry: (entry) => setCards((before) => applied(before, entry)),
      reset: () => setRound((n) => n + 1),
    });
  }, [loaded.data]);
  if (definition.error ?? loaded.error) {
    return html`<${ProblemNote} problem=${definition.error ?? loaded.error} retry=${loaded.reload} />`;
  }
  if (!definition.data || !loaded.data) return html`<${Loading} />`;
  const leaves = definition.data.states.filter((/** @type {any} */ state) =>
    !definition.data.states.some((/** @type {any} */ other) => other.path.startsWith(state.path + '.'))
  );

  /** Transitions that an event can set off, from a state or one around it. @param {string} from */
  const moves = (from) =>
    definition.data.transitions.filter((/** @type {any} */ one) =>
      one.event && (one.from === '' || from === one.from || from.startsWith(one.from + '.'))
    );
  const send = async (
    /** @type {any} */ card,
    /** @type {string} */ name,
    /** @type {number} */ revision = card.revision,
  ) => {
    const event = definition.data.events.find((/** @type {any} */ one) => one.name === name);
    if (
      event?.schema.required?.length ||
      event && Object.keys(event.schema.properties ?? {}).length && !isOptional(event.schema)
    ) return setPending({ card, event });
    try {
      const answer = await sendEvent({ flow, key: card.key, event: name, data: {}, revision });
      toast(
        `\`${card.key}\`: ${answer.disposition}, now in ${
          answer.to.map((/** @type {string} */ one) => `\`${one}\``).join(', ')
        }`,
      );
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setNewer({
        card,
        name,
        problem: error,
        fresh: error.status === 412 ? (await get(path`/v1/flows/${flow}/instances/${card.key}`)).data : null,
      });
    }
  };
  const drop = (/** @type {string} */ to) => {
    setOver('');
    const card = dragged.current;
    dragged.current = null;
    if (!card || card.state.includes(to)) return;
    const move = card.state.flatMap(moves).find((/** @type {any} */ one) => one.to === to);
    if (move) send(card, move.event);
    else {toast(
        `No event moves \`${card.key}\` from ${
          card.state.map((/** @type {string} */ one) => `\`${one}\``).join(', ')
        } to \`${to}\``,
        'bad',
      );}
  };
  return html`<div class="board" tabindex="0" role="region" aria-label=${`Board of ${flow}`}>${
    leaves.map((/** @type {any} */ state) => {
      const own = cards.filter((card) => card.state.includes(state.path));
      return html`<section key=${state.path} class=${
        'column' + (over === state.path ? ' over' : '')
      } aria-labelledby=${`column-${state.path}`}
      onDragOver=${(/** @type {any} */ event) => {
        event.preventDefault();
        if (over !== state.path) setOver(state.path);
      }} onDragLeave=${() => setOver('')} onDrop=${() => drop(state.path)}>
      <div class="bar"><h2 id=${`column-${state.path}`}>${state.path}</h2><span class="count">${
        count(own.length)
      }</span></div>
      ${
        own.slice(0, 60).map((card) =>
          html`<${Card} key=${card.key} card=${card} moves=${
            card.status === 'running' ? moves(state.path) : []
          } send=${send} drag=${() => {
            dragged.current = card;
          }} />`
        )
      }
      ${
        own.length > 60
          ? html`<a href=${link(['instances'], { flow, state: state.path })}>${own.length - 60} more</a>`
          : null
      }</section>`;
    })
  }</div>
    ${
    loaded.data.page.next
      ? html`<p class="muted">The board has the newest 500 instances; filter to see others.</p>`
      : null
  }
    ${
    pending
      ? html`<${EventDialog} title=${`${pending.event.name}: ${pending.card.key}`} flow=${flow} instanceKey=${pending.card.key} event=${pending.event} revision=${pending.card.revision} close=${() =>
        setPending(null)} />`
      : null
  }
    ${
    newer
      ? html`<${NotMoved} what=${newer} close=${() => setNewer(null)} again=${(/** @type {number} */ revision) => {
        setNewer(null);
        send(newer.card, newer.name, revision);
      }} />`
      : null
  }`;
}

/** Whether all data of an event has defaults. @param {any} schema */
const isOptional = (schema) =>
  Object.values(schema.properties ?? {}).every((/** @type {any} */ one) => one.default !== undefined);

/** The cards after an entry of the journal. @param {any[]} cards @param {import('../live.js').Entry} entry */
function applied(cards, entry) {
  if (entry.type !== 'step') return cards;
  const index = cards.findIndex((card) => card.key === entry.key);
  const data = entry.data.changes ?? {};
  if (index < 0) {
    return entry.data.created
      ? [{
        flow: entry.flow,
        key: entry.key,
        status: entry.data.status,
        state: entry.data.to,
        revision: entry.revision,
        updatedAt: entry.at,
        data,
      }, ...cards]
      : cards;
  }
  if (entry.revision <= cards[index].revision) return cards;
  const changed = {
    ...cards[index],
    revision: entry.revision,
    updatedAt: entry.at,
    status: entry.data.status,
    state: entry.data.to,
    data: { ...cards[index].data, ...data },
  };
  return [...cards.slice(0, index), changed, ...cards.slice(index + 1)];
}

/** The words of an instance that people know it by. @param {any} data */
export function titleOf(data) {
  const named = ['title', 'name', 'subject', 'message'].map((name) => data?.[name]).find((value) =>
    typeof value === 'string' && value
  );
  return named ?? '';
}

/** @param {any} properties */
function Card({ card, moves, send, drag }) {
  // What the state itself accepts comes first; what is possible anywhere is quieter.
  const own = new Set(
    moves.filter((/** @type {any} */ one) => one.from !== '').map((/** @type {any} */ one) => one.event),
  );
  const events = [...new Set([...own, ...moves.map((/** @type {any} */ one) => one.event)])];
  const details = Object.entries(card.data ?? {}).filter(([name, value]) =>
    !['title', 'name', 'id'].includes(name) && value !== '' && value !== null && typeof value !== 'object'
  ).slice(0, 3);
  return html`<article class="board-card" draggable=${
    events.length > 0
  } onDragStart=${drag}><a class="key" data-row href=${link(['instances', card.flow, card.key])}>${
    titleOf(card.data) || card.key
  }</a>
    <div class="muted small-text">${titleOf(card.data) ? `${card.key} · ` : ''}<${Time} at=${card.updatedAt} /></div>
    ${
    details.length
      ? html`<div class="small-text">${
        details.map(([name, value]) => html`<span class="muted">${name}</span> ${String(value)}  `)
      }</div>`
      : null
  }
    ${
    events.length
      ? html`<div class="row">${
        events.map((event) =>
          html`<button key=${event} class=${own.has(event) ? 'small' : 'small quiet'} disabled=${!!missing(
            'send',
          )} title=${missing('send')} onClick=${() => send(card, event)}>${event}</button>`
        )
      }</div>`
      : null
  }</article>`;
}

/** Why a card did not move; for a newer version, what it is now. @param {any} properties */
function NotMoved({ what: { card, name, problem, fresh }, close, again }) {
  if (!fresh) {
    return html`<${Dialog} title=${`${name} was refused`} close=${close}><${Refusal} problem=${problem} /></${Dialog}>`;
  }
  const changed = Object.entries(fresh.data).filter(([field, value]) =>
    JSON.stringify(value) !== JSON.stringify(card.data?.[field])
  );
  return html`<${Dialog} title="There is a newer version" close=${close}>
    <p>Someone changed <strong>${
    titleOf(fresh.data) || card.key
  }</strong> while you were looking at it. You saw revision ${card.revision}; it is at revision ${fresh.revision} now.</p>
    <dl class="facts"><dt>State</dt><dd><${States} paths=${card.state} /> → <${States} paths=${fresh.state} /></dd>${
    changed.map(([field, value]) =>
      html`<dt>${field}</dt><dd>${JSON.stringify(card.data?.[field])} → ${JSON.stringify(value)}</dd>`
    )
  }</dl>
    <div class="actions"><button onClick=${close}>Keep the newer version</button><button class="primary" disabled=${!fresh
    .allowedEvents.includes(name)} title=${
    fresh.allowedEvents.includes(name) ? '' : `${name} is not accepted any more`
  } onClick=${() => again(fresh.revision)}>${name} anyway</button></div></${Dialog}>`;
}
