// The log of the exercise's function: one row for each invocation, its lines as they are printed.

import { $, announce, changed, clock, json, make, send, short } from "./dom.js";
import { goToLine } from "./editor.js";
import { lines, store } from "./state.js";

const MAX_ROWS = 60;
const MAX_LINES = 2000;
const PLATFORM = /^(START|END|REPORT|INIT_START) /;
const REPORT = /Duration: (\d+) ms/;
const PLACE = /File "[^"]*\bindex\.py", line (\d+)/g;
const OTHERS = /File "[^"]*\/(site-packages|python3[^/]*)\/([^"]*)"/g;
const NEAR_END = 40; // pixels
let following = true;
let run = ""; // of the workshop whose lines are drawn
let drawn = 0; // the number of the last line that is drawn
const rows = new Map(); // stream → {element, lines, summary, text}

/** A text in which each place of the learner's file leads there; other paths are shortened. */
export function linked(text) {
  const parts = [];
  let position = 0;
  const shortened = text.replaceAll(OTHERS, 'File "$2"');
  for (const found of shortened.matchAll(PLACE)) {
    const line = Number(found[1]);
    parts.push(shortened.slice(position, found.index));
    parts.push(
      make(
        "button",
        { type: "button", class: "line-link", onclick: () => goToLine(line) },
        `index.py, line ${line}`,
      ),
    );
    position = found.index + found[0].length;
  }
  parts.push(shortened.slice(position));
  return parts;
}

/** Add the lines that are new. */
export function draw() {
  if (run !== store.run) clear();
  const fresh = lines.filter(({ n }) => n > drawn);
  for (const line of fresh) add(line);
  drawn = lines.at(-1)?.n ?? drawn;
  while (rows.size > MAX_ROWS) {
    const [oldest] = rows.keys();
    rows.get(oldest).element.remove();
    rows.delete(oldest);
  }
  if (fresh.length) scrollToEnd();
  drawRunning();
}

/** Forget what is drawn: it is of another run. */
function clear() {
  ({ run } = store);
  drawn = 0;
  rows.clear();
  $("log").replaceChildren();
}

/** Show the newest lines, unless the learner has scrolled away from them. */
export function scrollToEnd() {
  const pane = $("pane-log");
  if (following) pane.scrollTop = pane.scrollHeight;
}

function add(line) {
  const row = rows.get(line.stream) || newRow(line);
  const { text } = line;
  const isOwn = !PLATFORM.test(text);
  if (row.lines < MAX_LINES) {
    row.element.append(make("p", { class: isOwn ? "own" : "platform" }, ...linked(text)));
  }
  row.lines += 1;
  row.failed ||= /^(Traceback|\[ERROR\])/.test(text);
  if (isOwn) row.first ||= text;
  // Of a traceback the end tells the error, not the beginning.
  if (isOwn && row.first.startsWith("Traceback")) row.error = text;
  const report = REPORT.exec(text);
  if (report) row.end = `${(report[1] / 1000).toFixed(1)} s`;
  row.summary.textContent = `${mark(row)} ${clock(row.at)} ${row.end} ${short(row.error || row.first, 60)}`;
  row.summary.className = row.failed ? "bad-text" : "";
}

/** A row for an invocation; the rows before it are folded. */
function newRow({ at, stream }) {
  const summary = make("summary", {});
  const element = make("details", { class: "run", open: true }, summary);
  for (const other of rows.values()) other.element.open = false;
  const row = { element, summary, at, lines: 0, first: "", error: "", end: "", failed: false };
  rows.set(stream, row);
  $("log").append(element);
  return row;
}

function mark({ failed, end }) {
  if (failed) return "✗";
  return end ? "✓" : "…";
}

/** What runs now, with its seconds and a button that stops it. */
function drawRunning() {
  const { running } = store.state;
  if (!changed("running", running)) return;
  $("running").replaceChildren(
    ...running.map(({ id, since }) => {
      const stop = async () => {
        await send("/invocations/stop", json({ id })).catch(() => {});
        announce("Stopped.");
      };
      return make(
        "span",
        { "data-since": since },
        make("span", { class: "bad-text" }, ""),
        " ",
        make(
          "button",
          {
            type: "button",
            onclick: stop,
            title: "Only offline: on AWS it runs until its timeout",
          },
          "Stop",
        ),
      );
    }),
  );
  drawSeconds();
}

function drawSeconds() {
  for (const one of $("running").children) {
    const seconds = Math.round((Date.now() - Date.parse(one.dataset.since)) / 1000);
    one.firstElementChild.textContent = seconds < 1 ? "Running" : `Running for ${seconds} s`;
  }
}

/** Let the seconds go on, and note whether the learner looks at the end. */
export function build() {
  const pane = $("pane-log");
  pane.addEventListener("scroll", () => {
    following = pane.scrollTop + pane.clientHeight + NEAR_END > pane.scrollHeight;
  });
  setInterval(drawSeconds, 1000);
}
