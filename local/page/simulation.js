/** Starts another job of the demo, as asked. */
import { byId } from './elements.js';

/** Lets the form start jobs. */
export function setUpSimulation() {
  byId('simulation').addEventListener('submit', async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { name, outcome } = Object.fromEntries(new FormData(form));
    const refusal = await startJob({ outcome, ...(name && { name }) });
    byId('refusal').textContent = refusal ?? 'Started: it is the first of the list.';
    if (refusal === null) form.elements.name.value = '';
  });
}

async function startJob(asked) {
  try {
    const response = await fetch('/simulation/jobs', { method: 'POST', body: JSON.stringify(asked) });
    return response.ok ? null : (await response.json()).detail;
  } catch {
    return 'The notifier does not answer.';
  }
}
