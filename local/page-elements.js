/** Makes an element: `el('p.quiet.small', 'text', otherElement)`. Text becomes text nodes, never markup. */
export function el(selector, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  element.append(...children);
  return element;
}

/** A time of day in the reader's locale. */
export const clockTime = (at) => new Date(at).toLocaleTimeString([], { timeStyle: 'medium' });
