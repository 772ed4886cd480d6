/** The demo's breaks: a button each, what to expect, and what came of it. And the counts since the start. */
import { byId, el, fill } from './elements.js';

/** Lets the buttons begin their runs. */
export function setUpBreaks() {
  for (const button of buttons()) button.addEventListener('click', () => begin(button));
}

const buttons = () => document.querySelectorAll('#breaks button');

async function begin(button) {
  // Disabled for real, it would lose the focus.
  if (button.getAttribute('aria-disabled') === 'true') return;
  const result = resultOf(button.value);
  try {
    const response = await fetch('/simulation/breaks', {
      method: 'POST',
      body: JSON.stringify({ kind: button.value }),
    });
    if (!response.ok) fill(result, (await response.json()).detail);
  } catch {
    fill(result, 'The notifier does not answer.');
  }
}

const resultOf = (kind) => byId(`break-${kind}`);

/** Shows how the runs go. */
export function showBreaks(runs) {
  for (const button of buttons()) {
    const run = runs[button.value];
    const isOn = run?.phase === 'broken' || run?.phase === 'recovering';
    button.setAttribute('aria-disabled', `${isOn}`);
    button.closest('li').dataset.phase = run?.phase ?? '';
    if (run)
      fill(resultOf(button.value), run, () => [...(run.counts ? [el('b', countsOf(run.counts))] : []), run.says]);
  }
}

const countsOf = ({ due, delivered, lost, repeated }) =>
  `${due} due, ${delivered} delivered, ${lost} lost, ${repeated} repeated. `;

/** Shows the counts since the start. */
export function showCounts(counts) {
  for (const [name, value] of Object.entries(counts)) {
    const element = byId(`count-${name}`);
    if (element) fill(element, `${value}`);
  }
  byId('proof').classList.toggle('wrong', counts.lost + counts.repeated > 0);
  byId('count-waiting-note').textContent = counts.waiting > 0 ? `${counts.waiting} on the way` : 'nothing waiting';
}
