// Keys for the whole page; those of the tabs and of the presenter are with them, but for P.

import { $ } from "./dom.js";
import { isPresenting } from "./tabs.js";
import { toast } from "./widgets.js";

const PANES = ["steps", "launch", "streamer", "pipeline", "code", "data", "compare", "mail", "x"];
const KEYS =
  "F6: the next pane · Alt+1, Alt+2 …: the tabs · Ctrl+S saves and Ctrl+Enter deploys the code · " +
  "Escape, then Tab, leaves the editor · P: the presenter";

/** Whether a key is for a field in which somebody writes. */
export const isWriting = ({ target }) =>
  target.matches("input, textarea, select, [contenteditable]");

const isPlain = (event, key) =>
  event.key.toLowerCase() === key &&
  !(event.ctrlKey || event.altKey || event.metaKey || isWriting(event));

/** Put the focus into the next pane that is shown, or the one before. */
function nextPane(back) {
  const shown = PANES.filter((pane) => !$(pane).hidden);
  const current = shown.findIndex((pane) => $(pane).contains(document.activeElement));
  const step = back ? -1 : 1;
  $(shown[(current + step + shown.length) % shown.length]).focus();
}

function press(event) {
  if (event.key === "F6") {
    event.preventDefault();
    nextPane(event.shiftKey);
  } else if (isPlain(event, "?")) {
    toast(KEYS);
  } else if (isPlain(event, "p")) {
    location.hash = isPresenting() ? "#/code" : "#/present";
  }
}

/** Make them work. */
export function buildKeys() {
  addEventListener("keydown", press);
}
