/** JSON documents, and whatever else may be too wide. */
import { el } from './elements.js';

/** A document, folded away. */
export function json(title, document) {
  const text = typeof document === 'string' ? indented(document) : JSON.stringify(document, null, 2);
  return el('details', el('summary', title), scrollable('pre.document', title, text));
}

/** What may be too wide scrolls by keyboard too. */
function scrollable(selector, label, ...children) {
  const element = el(selector, ...children);
  element.tabIndex = 0;
  element.setAttribute('role', 'region');
  element.setAttribute('aria-label', label);
  return element;
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
