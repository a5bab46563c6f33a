// Below the editor: the log, tests, the check and the hints, each in a pane.

import { $, announce, changed, json, make, redraw, send } from "./dom.js";
import { insert } from "./editor.js";
import { notice, openFile, save } from "./exercise.js";
import { linked, scrollToEnd } from "./log.js";
import { newestFirst, store } from "./state.js";
import { command } from "./widgets.js";

const PANES = ["log", "test", "check", "hints"];
const OPENED = "opened hints"; // in this browser's storage: how many
const EVENTS = [
  ["newest", "newest photo"],
  ["two", "two photos in one event"],
  ["twice", "the same event twice at once"],
  ["console", "the console's button Test"],
  ["empty", "an empty event"],
];
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

// --- Tests -----------------------------------------------------------------------------------

/** The events that can be sent: those that are always there, and one for each photo. */
function drawEvents() {
  const photos = newestFirst()
    .flatMap((post) => post.photos.map((photo) => ({ photo, post })))
    .filter(({ photo }) => photo.stored)
    .slice(0, 20)
    .map(({ photo, post }) => [`photo ${photo.key}`, `photo of “${post.text.slice(0, 30)}”`]);
  const events = [...EVENTS, ...photos];
  if (!changed("events", events)) return;
  const chosen = $("test-event").value;
  const options = events.map(([value, text]) => make("option", { value }, text));
  $("test-event").replaceChildren(...options);
  if (events.some(([value]) => value === chosen)) $("test-event").value = chosen;
}

async function test() {
  showPane("test");
  $("test").setAttribute("aria-disabled", "true");
  $("test-results").replaceChildren(make("p", { class: "faint" }, "Running …"));
  try {
    await save();
    const body = json({ event: $("test-event").value });
    const { event, results } = await send("/exercise/test", body);
    $("test-results").replaceChildren(
      whatWasTested(),
      ...results.map(drawResult),
      asCommand(event),
    );
    announce(results.some(({ failed }) => failed) ? "The test failed." : "The test has passed.");
  } catch (error) {
    $("test-results").replaceChildren(make("p", { class: "message" }, error.message));
  }
  $("test").removeAttribute("aria-disabled");
}

/** A test runs what is deployed, which may not be what is in the editor. */
function whatWasTested() {
  const { code, exercise } = store.state;
  const text = "The deployed code was tested. Yours differs from it: Deploy, then test again.";
  return code.tag === exercise ? "" : make("p", { class: "message" }, text);
}

function drawResult({ failed, result, log, seconds }) {
  const style = failed ? "bad-text" : "good";
  const word = failed ? "✗ failed" : "✓ returned";
  return make(
    "div",
    {},
    make("p", { class: style }, `${word} after ${seconds.toFixed(2)} s: ${result}`),
    make("p", { class: "trace" }, ...linked(log)),
  );
}

function asCommand(event) {
  const text =
    "aws lambda invoke --log-type Tail /dev/stdout \\\n" +
    `  --function-name "$FUNCTION" --payload '${JSON.stringify(event)}'`;
  return make("details", {}, make("summary", {}, "As AWS CLI"), command(text));
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
  drawEvents();
  drawCheck();
}

/** Make the buttons work. */
export function build() {
  for (const pane of PANES) $(`result-${pane}`).addEventListener("click", () => showPane(pane));
  $("test").addEventListener("click", test);
  $("check").addEventListener("click", check);
  showPane("log");
}
