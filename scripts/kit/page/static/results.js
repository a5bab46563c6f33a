// Below the editor: the panes, of which the check and the hints are here.

import { $, changed, json, make, redraw, send } from "./dom.js";
import { insert } from "./editor.js";
import { notice, openFile, save } from "./exercise.js";
import { linked, scrollToEnd } from "./log.js";
import { store } from "./state.js";
import { command } from "./widgets.js";

const PANES = ["log", "test", "check", "hints"];
const OPENED = "opened hints"; // in this browser's storage: how many
const ICONS = { passed: "✓ passed", failed: "✗ failed", "not tried": "– not tried", "": "…" };

/** Show one of the panes. */
export function showPane(pane) {
  for (const one of PANES) {
    $(`pane-${one}`).hidden = one !== pane;
    $(`result-${one}`).setAttribute("aria-selected", String(one === pane));
    $(`result-${one}`).tabIndex = one === pane ? 0 : -1;
  }
  if (pane === "hints") drawHints();
  if (pane === "log") scrollToEnd();
}

// --- The check -------------------------------------------------------------------------------

async function check() {
  showPane("check");
  try {
    await openFile();
    await save();
    await send("/exercise/check", json({}));
  } catch (error) {
    notice(error.message);
  }
}

function drawCheck() {
  const { check: state, exercise } = store.state;
  if (!changed("check", [state, exercise])) return;
  const { rows, running, message, tag } = state;
  const passed = rows.filter(({ verdict }) => verdict === "passed").length;
  const old = tag && tag !== exercise ? " The code has changed since." : "";
  const done = rows.length ? `${passed} of ${rows.length} cases have passed.${old}` : "";
  const stop = () => send("/exercise/check/stop", json({})).catch(() => {});
  redraw($("check-results"), [
    make(
      "p",
      { role: "status" },
      `${message} ${done} `,
      running
        ? make("button", { type: "button", "data-focus": "stop", onclick: stop }, "Stop")
        : "",
    ),
    rows.length ? checkTable(rows) : "",
    command("python scripts/workshop.py check exercise/index.py"),
  ]);
}

function checkTable(rows) {
  const parts = [...new Set(rows.map(({ part }) => part))].sort();
  const head = ["Case", "", "Hint"].map((text) => make("th", { scope: "col" }, text));
  const bodies = parts.map((part) => {
    const own = rows.filter((row) => row.part === part);
    const passed = own.filter(({ verdict }) => verdict === "passed").length;
    const title = `Part ${part}: ${passed} of ${own.length}`;
    const heading = make("tr", {}, make("th", { colspan: 3, scope: "rowgroup" }, title));
    return make("tbody", {}, heading, ...own.map(checkRow));
  });
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), ...bodies);
}

function checkRow({ title, verdict, hint, easy }) {
  const style = { passed: "good", failed: "bad-text" }[verdict];
  const note = easy && verdict === "passed" ? "passes with the starter, too" : "";
  return make(
    "tr",
    {},
    make("td", {}, title),
    make("td", { class: style }, ICONS[verdict]),
    make(
      "td",
      {},
      ...linked(hint.replaceAll(/in line (\d+)/g, 'in File "index.py", line $1')),
      note,
    ),
  );
}

// --- The hints -------------------------------------------------------------------------------

let hints = null;

async function drawHints() {
  hints ||= await (await fetch("/exercise/hints")).json();
  const opened = Number(localStorage.getItem(OPENED) || 0);
  redraw(
    $("hints"),
    hints.map((hint, index) => drawHint(hint, index, opened)),
  );
}

function drawHint({ number, title, goal, hint, code }, index, opened) {
  const open = () => {
    localStorage.setItem(OPENED, String(index + 1));
    drawHints();
  };
  const parts = [make("h3", {}, `Part ${number}: ${title}`), make("p", {}, goal)];
  if (index < opened) {
    const put = () => insert(code);
    parts.push(make("p", {}, hint), make("pre", { tabindex: "0" }, code));
    parts.push(make("button", { type: "button", onclick: put }, "Insert at the cursor"));
  } else if (index === opened) {
    parts.push(make("button", { type: "button", onclick: open }, `Open hint ${number}`));
  }
  return make("div", { class: "hint" }, ...parts);
}

// --- All together ----------------------------------------------------------------------------

/** Draw what has changed. */
export function draw() {
  drawCheck();
}

/** Make the buttons work. */
export function build() {
  for (const pane of PANES) $(`result-${pane}`).addEventListener("click", () => showPane(pane));
  $("check").addEventListener("click", check);
  showPane("log");
}
