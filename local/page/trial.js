/** A place to try the rules: which one decides about a job, and what each channel would get. Nothing is sent. */
import { messageCard } from './channels.js';
import { byId, el, fill, inWords } from './elements.js';

/** Prepares the form; the first question is asked when it is opened. */
export function setUpTrial({ environments, outcomes }) {
  byId('trial-outcome').append(...outcomes.map((name) => Object.assign(el('option', inWords(name)), { value: name })));
  byId('trial-environment').append(...environments.map((name) => el('option', name)));
  byId('trial').addEventListener('input', ask);
  byId('trial').addEventListener('submit', (event) => event.preventDefault());
  byId('trial-section').addEventListener('toggle', () => byId('trial-section').open && ask());
}

let asked = 0;

async function ask() {
  const mine = ++asked;
  const trial = await answer(new URLSearchParams(new FormData(byId('trial'))));
  // A later question may have been answered before.
  if (trial === null || mine !== asked) return;
  fill(byId('trial-answer'), `${trial.why}${trial.mention ? `, and rings @${trial.mention}` : ''}`);
  fill(byId('trial-messages'), trial.messages, () =>
    trial.messages.length > 0
      ? trial.messages.map((message) => messageCard(message, 'would be sent'))
      : [el('p.quiet', 'No channel gets a message.')],
  );
}

async function answer(question) {
  try {
    const response = await fetch(`/page-rules?${question}`);
    return response.ok ? await response.json() : null;
  } catch {
    // The banner says that the notifier does not answer.
    return null;
  }
}
