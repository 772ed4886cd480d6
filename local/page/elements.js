/** How elements are made and filled. Everything that the page shows was written by strangers: texts become text nodes. */

/** Makes an element, `el('p.quiet.small', 'text', otherElement)`. */
export function el(selector, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Fills an element only if its content changed, so that what a reader has selected stays selected. True: it changed. */
export function fill(element, content, make = () => [content]) {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  if (element.dataset.content === text) return false;
  element.dataset.content = text;
  element.replaceChildren(...make());
  return true;
}

/** Text that only a screen reader needs, such as what a sign means. */
export const spoken = (text) => el('span.spoken', text);

/** A sign with what it means. */
export function sign(mark, meaning) {
  const shown = el('span', mark);
  shown.setAttribute('aria-hidden', 'true');
  return el('span', shown, spoken(meaning));
}

/** A name in words: `completed with warnings`. */
export const inWords = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A link to another site. */
export const link = (href, ...children) =>
  Object.assign(el('a', ...children), { href, target: '_blank', rel: 'noopener noreferrer' });
