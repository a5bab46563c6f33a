// What is not for an audience: e-mail addresses, ports and the folders of this computer.
// The presenter hides them wherever they are drawn, and shows them again when it is left.

const HIDDEN = [
  [/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, "…@…"],
  [/\b(127\.0\.0\.1|localhost|\[::1\]):\d+/g, "$1"],
  // The last part stays: it is the file that a traceback names.
  [/(?:\/(?:home|Users|root|tmp|private|var\/folders)|[A-Z]:\\Users)[^\s"'<>:]*[/\\]/g, "…/"],
];
const originals = new WeakMap(); // text node → [text as it was, text as it is shown]
const observer = new MutationObserver((changes) => {
  for (const { type, target, addedNodes } of changes) {
    for (const node of type === "characterData" ? [target] : addedNodes)
      textsOf(node).forEach(hide);
  }
});

/** The text nodes of a node, which may be one itself. */
function textsOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node];
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  return texts;
}

/** Hide them in a text; the code in the editor is the presenter's own, and stays. */
function hide(text) {
  const shown = HIDDEN.reduce(
    (so, [pattern, instead]) => so.replaceAll(pattern, instead),
    text.data,
  );
  if (shown === text.data || text.parentElement?.closest(".ace_editor")) return;
  originals.set(text, [text.data, shown]);
  text.data = shown;
}

/** Hide them in the whole page, and in all that is drawn from now on. */
export function hideSecrets() {
  textsOf(document.body).forEach(hide);
  observer.observe(document.body, { childList: true, characterData: true, subtree: true });
}

/** Show them again. */
export function showSecrets() {
  observer.disconnect();
  for (const text of textsOf(document.body)) {
    const [original, shown] = originals.get(text) || [];
    if (original && text.data === shown) text.data = original;
  }
}
