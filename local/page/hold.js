/** Nothing moves while one reads: what comes on top of a list waits behind a button while a reader is in the list. */

/**
 * Makes the holder of a list. `apply` shows what was held; `button` says how many there are, in `words` for one and for
 * several. Somebody reads while the pointer or the focus is in the list, something in it is open, or it is scrolled.
 */
export function createHold({ list, button, words, apply }) {
  let held = 0;
  const isRead = () =>
    list.matches(':hover') ||
    list.contains(document.activeElement) ||
    list.scrollTop > 0 ||
    list.querySelector('details[open]') !== null;

  const release = () => {
    held = 0;
    button.hidden = true;
    apply();
  };
  button.addEventListener('click', () => {
    // The button goes: who pressed it by keyboard goes on in the list.
    const isFocused = document.activeElement === button;
    release();
    list.scrollTop = 0;
    if (isFocused) list.querySelector('summary, a, [tabindex]')?.focus();
  });

  return {
    /** Something came: it is shown, or held. */
    came: (count = 1) => {
      if (!isRead()) return release();
      held += count;
      button.hidden = false;
      button.textContent = `Show ${held} new ${held === 1 ? words[0] : words[1]}`;
    },
  };
}
