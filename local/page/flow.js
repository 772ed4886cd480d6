/** The strip: Sitecore, the rules, the channels. What something passes through lights up. */
import { byId, el, sign, spoken } from './elements.js';

const litMs = 2500;
const nodes = new Map();

/** Draws the strip for these environments, rules and channels. */
export function setUpFlow({ environments, rules, channels }) {
  const stations = (kind, names, extra) =>
    names.map((name) => keep(kind, name, el('li', el('span.name', name), ...extra(name))));
  const types = new Map(channels.map(({ name, type }) => [name, type]));
  byId('flow-environments').replaceChildren(...stations('environment', environments, () => [health('environment')]));
  byId('flow-rules').replaceChildren(...rules.map(ruleItem));
  byId('flow-channels').replaceChildren(
    ...stations(
      'channel',
      channels.map(({ name }) => name),
      (name) => [el('span.quiet', types.get(name)), health('channel')],
    ),
  );
}

const keep = (kind, name, element) => {
  nodes.set(`${kind} ${name}`, element);
  return element;
};

const health = () => el('span.health', sign('●', 'works'));

function ruleItem({ when, channels, mention }, index) {
  const whom = channels.length > 0 ? channels.join(', ') : 'nobody';
  return keep(
    'rule',
    index,
    el(
      'li',
      el('span.number', `${index + 1}`),
      el('span', when),
      el('span.arrow', ' → '),
      el('b', whom),
      ...(mention ? [el('span.mention', `@${mention}`)] : []),
    ),
  );
}

/** Lights up what a change of a job passed through. */
export function lightUp({ environment, isRead, decidedRule }) {
  if (isRead) light(`environment ${environment}`);
  if (decidedRule !== null) light(`rule ${decidedRule}`);
}

/** Lights up a channel that got a message; several channels may share one topic. */
export function lightUpChannel(names) {
  for (const name of names.split(', ')) light(`channel ${name}`);
}

const timers = new Map();

function light(key) {
  const node = nodes.get(key);
  if (node === undefined) return;
  node.classList.add('lit');
  clearTimeout(timers.get(key));
  timers.set(
    key,
    setTimeout(() => node.classList.remove('lit'), litMs),
  );
}

/** Shows which environments and channels do not work. */
export function showTroublesInFlow(troubles) {
  const broken = new Set(troubles.map(({ kind, name }) => `${kind} ${name}`));
  for (const [key, node] of nodes) {
    const mark = node.querySelector('.health');
    if (!mark || node.classList.contains('broken') === broken.has(key)) continue;
    node.classList.toggle('broken', broken.has(key));
    mark.replaceChildren(broken.has(key) ? sign('✕', 'does not work') : sign('●', 'works'));
    mark.append(spoken('.'));
  }
}
