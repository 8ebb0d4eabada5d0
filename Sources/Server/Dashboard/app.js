// The shell: address, navigation, sign-in, and the view of the current address.
import { html, render, useEffect, useState } from './preact.js';
import { actAs, acting, loadSession, Problem, session, signIn, signOut, Store, useStore } from './api.js';
import { connect, connection } from './live.js';
import { Dialog, duration, Icon, Loading, ProblemNote, Toasts, zone } from './parts/basics.js';

// MARK: - Address

/** @typedef {{path: string[], query: URLSearchParams}} Route */

/** The address behind `#`. */
export const route = new Store(readRoute());

/** @returns {Route} */
function readRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query ?? '') };
}
addEventListener('hashchange', () => route.set(readRoute()));

/**
 * A link within the page.
 * @param {string[]} path
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return '#/' + path.map(encodeURIComponent).join('/') + (text ? '?' + text : '');
}

/**
 * Changes members of the query; empty ones are removed.
 * @param {Record<string, string | null | undefined>} members
 * @param {boolean} [replaces] whether the change is no step of the browser's history
 */
export function setQuery(members, replaces = false) {
  const { path, query } = route.value;
  const next = { ...Object.fromEntries(query), ...members };
  const address = link(path, next);
  if (!replaces) location.hash = address;
  else {
    history.replaceState(null, '', address);
    route.set(readRoute());
  }
}

// MARK: - Views

/** @type {Record<string, {title: string, load: () => Promise<any>}>} */
const views = {
  overview: { title: 'Overview', load: () => import('./views/overview.js') },
  instances: { title: 'Instances', load: () => import('./views/instances.js') },
  instance: { title: 'Instance', load: () => import('./views/instance.js') },
  tasks: { title: 'Tasks', load: () => import('./views/tasks.js') },
  flows: { title: 'Flows', load: () => import('./views/flows.js') },
  flow: { title: 'Flow', load: () => import('./views/flow.js') },
  simulate: { title: 'Simulate', load: () => import('./views/simulate.js') },
  server: { title: 'Server', load: () => import('./views/server.js') },
  api: { title: 'API', load: () => import('./views/api.js') },
};

/** @param {Route} route */
function viewName({ path: [first, ...rest] }) {
  if (!first) return 'overview';
  if (first === 'instances' && rest.length === 2) return 'instance';
  if (first === 'flows' && rest.length === 1) return 'flow';
  return views[first] ? first : 'overview';
}

/** @param {{route: Route}} properties */
function View({ route }) {
  const name = viewName(route);
  const [loaded, set] = useState(/** @type {{name: string, view: any} | null} */ (null));
  const [error, setError] = useState(/** @type {Problem | null} */ (null));
  useEffect(() => {
    document.title = [...route.path.slice(1).reverse(), views[name].title, 'Flow'].join(' · ');
    views[name].load().then(
      (module) => set({ name, view: module.default }),
      () => setError(new Problem(0, { title: 'The page is older than the server', detail: 'Reload it.' })),
    );
  }, [name, route]);
  if (error) return html`<${ProblemNote} problem=${error} retry=${() => location.reload()} />`;
  if (!loaded || loaded.name !== name) return html`<${Loading} />`;
  return html`<${loaded.view} key=${name === 'api' ? name : route.path.join('/')} route=${route} />`;
}

// MARK: - Shell

const places = [
  { name: 'overview', title: 'Overview' },
  { name: 'instances', title: 'Instances' },
  { name: 'tasks', title: 'Tasks' },
  { name: 'flows', title: 'Flows' },
  { name: 'simulate', title: 'Simulate' },
  { name: 'server', title: 'Server' },
];

/** The picture of the icon, without another request. */
const Mark = () =>
  html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><circle cx="9" cy="10" r="2.6" /><circle cx="23" cy="22" r="2.6" />
  <path d="M11.8 10H18a5 5 0 0 1 5 5v4M9 13v4a5 5 0 0 0 5 5h6" /></svg>`;

/** @param {{current: string}} properties */
function Navigation({ current }) {
  return html`<nav aria-label="Main"><a class="brand" href="#/" aria-label="Flow, overview"><${Mark} /><span>Flow</span></a>
    <ul>${
    places.map(({ name, title }) =>
      html`<li key=${name}><a href=${name === 'overview' ? '#/' : `#/${name}`}
      aria-current=${
        current === name || current + 's' === name || current === 'api' && name === 'server' ? 'page' : undefined
      }><${Icon} name=${name} /><span>${title}</span></a></li>`
    )
  }</ul>
    <div class="foot"><${Connection} /><${Account} /></div></nav>`;
}

/** State of the live stream, in words. */
export function Connection() {
  const { state, since, transport } = useStore(connection);
  const [, tick] = useState(0);
  useEffect(() => {
    if (state !== 'stale') return;
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, [state]);
  const text = state === 'stale'
    ? `Stale for ${duration(Date.now() - since)}`
    : state === 'live'
    ? 'Live'
    : state === 'connecting'
    ? 'Connecting'
    : 'Catching up';
  return html`<span class=${`connection ${state.replace(' ', '-')}`} role="status" title=${
    state === 'live' ? `Changes arrive by ${transport}` : 'The page shows the last state it received'
  }>
    <${Icon} name=${state === 'stale' ? 'stale' : 'live'} />${text}</span>`;
}

function Account() {
  const me = useStore(session);
  const act = useStore(acting);
  const [isOpen, open] = useState(false);
  if (!me) return null;
  const isOpenServer = me.authentication === 'none';
  const name = isOpenServer ? act.name || 'Anyone' : me.name;
  const close = () => open(false);
  return html`<button class="quiet account" onClick=${() =>
    open(true)} title="Caller"><${Icon} name="person" /><span>${name}</span></button>
    ${
    isOpen
      ? html`<${Dialog} title="Caller" close=${close}>${
        isOpenServer ? html`<${ActAs} close=${close} />` : html`<${Signed} me=${me} close=${close} />`
      }<${Zone} /></${Dialog}>`
      : null
  }`;
}

/** @param {{close: () => void}} properties */
function ActAs({ close }) {
  const save = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const roles = String(form.get('roles')).split(/[\s,]+/).filter(Boolean);
    actAs({ name: String(form.get('name')).trim(), roles });
    close();
  };
  return html`<form onSubmit=${save}><p class="muted">This server requires no key. Events are sent under this name and with these roles.</p>
    <label>Name<input name="name" value=${acting.value.name} autocomplete="off" /></label>
    <label>Roles, separated by commas<input name="roles" value=${
    acting.value.roles.join(', ')
  } autocomplete="off" placeholder="manager, support" /></label>
    <div class="actions"><button class="primary">Use</button></div></form>`;
}

/** @param {{me: import('./api.js').Me, close: () => void}} properties */
function Signed({ me, close }) {
  return html`<dl class="facts"><dt>Key</dt><dd>${me.name}</dd><dt>Scopes</dt><dd>${me.scopes.join(', ')}</dd>
    <dt>Roles</dt><dd>${me.roles.join(', ') || 'none'}</dd><dt>Flows</dt><dd>${
    me.flows ? me.flows.join(', ') : 'all'
  }</dd></dl>
    <div class="actions"><button onClick=${() => {
    signOut();
    close();
  }}>Sign out</button></div>`;
}

function Zone() {
  const value = useStore(zone);
  const choose = (/** @type {any} */ event) => {
    zone.set(event.target.value);
    try {
      localStorage.setItem('flow.zone', event.target.value);
    } catch { /* It lasts as long as the page, then. */ }
  };
  return html`<label>Time zone<select value=${value} onChange=${choose}><option value="">${
    Intl.DateTimeFormat().resolvedOptions().timeZone || 'Local'
  }</option><option value="UTC">UTC</option></select></label>`;
}

function SignIn() {
  const [problem, set] = useState(/** @type {Problem | null} */ (null));
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    signIn(String(new FormData(event.target).get('key')).trim()).catch(set);
  };
  return html`<main class="sign-in"><form class="card" onSubmit=${submit}><h1>Sign in to Flow</h1>
    <p class="muted">Paste an API key. It is kept in a session cookie that scripts cannot read, until you sign out.</p>
    <label>Key<input name="key" type="password" autocomplete="current-password" required placeholder="flow_…" /></label>
    <${ProblemNote} problem=${problem} /><div class="actions"><button class="primary">Sign in</button></div></form></main>`;
}

function Help({ close = () => {} }) {
  const keys = [
    ['/', 'Search'],
    ['g o', 'Overview'],
    ['g i', 'Instances'],
    ['g t', 'Tasks'],
    ['g f', 'Flows'],
    ['g s', 'Simulate'],
    ['g v', 'Server'],
    ['j  k', 'Next and previous row'],
    ['[  ]', 'Step back and forward in a history'],
    ['?', 'This list'],
  ];
  return html`<${Dialog} title="Keyboard" close=${close}><dl class="facts keys">${
    keys.map(([key, text]) => html`<dt><kbd>${key}</kbd></dt><dd>${text}</dd>`)
  }</dl></${Dialog}>`;
}

function useKeys(/** @type {() => void} */ help) {
  useEffect(() => {
    let isGoing = false;
    const handle = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select, dialog')) return;
      const destination = isGoing
        ? { o: '#/', i: '#/instances', t: '#/tasks', f: '#/flows', s: '#/simulate', v: '#/server' }[event.key]
        : undefined;
      isGoing = event.key === 'g';
      if (destination) location.hash = destination;
      else if (event.key === '?') help();
      else if (event.key === '/') {
        const field = /** @type {HTMLElement | null} */ (document.querySelector('[data-search]'));
        if (!field) return;
        event.preventDefault();
        field.focus();
      } else if (event.key === 'j' || event.key === 'k') {
        const rows = [
          .../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-row] a, a[data-row]')),
        ];
        const index = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
        rows[event.key === 'j' ? index + 1 : Math.max(0, index - 1)]?.focus();
      }
    };
    addEventListener('keydown', handle);
    return () => removeEventListener('keydown', handle);
  }, []);
}

function App() {
  const current = useStore(route);
  const me = useStore(session);
  const [error, setError] = useState(/** @type {Problem | null} */ (null));
  const [helps, help] = useState(false);
  const load = () => {
    setError(null);
    loadSession().then(connect, setError);
  };
  useEffect(load, []);
  useKeys(() => help(true));
  if (error) return html`<main class="sign-in"><${ProblemNote} problem=${error} retry=${load} /></main>`;
  if (me === false) return html`<${SignIn} />`;
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    document.getElementById('main')?.focus();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <${Navigation} current=${viewName(current)} />
    <main id="main" tabindex="-1">${me ? html`<${View} route=${current} />` : html`<${Loading} />`}</main>
    <${Toasts} />${helps ? html`<${Help} close=${() => help(false)} />` : null}`;
}

const root = document.getElementById('app');
if (root) {
  root.textContent = '';
  render(html`<${App} />`, root);
}
