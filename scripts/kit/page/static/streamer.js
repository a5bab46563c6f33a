// The streamer: start it, stop it, and see what it prints.

import { $, announce, changed, json, make, send, showMessage } from "./dom.js";
import { store } from "./state.js";
import { isOpen } from "./tabs.js";
import { command } from "./widgets.js";

const PAUSE = 1000; // milliseconds between two looks
const STATES = {
  page: "It runs.",
  terminal: "It runs in a terminal, or was started with the workshop: stop it there.",
  "": "It does not run.",
};
const COMMANDS = "python scripts/workshop.py connect\npython twitter_streaming.py";
let looking = false;
let last = null; // the last look: an older answer that comes later is not drawn

/** Look as long as the tab is open. */
export async function open() {
  if (looking) return;
  looking = true;
  while (isOpen("streamer")) {
    await look();
    await new Promise((done) => setTimeout(done, PAUSE));
  }
  looking = false;
}

async function look() {
  const own = Symbol("look");
  last = own;
  try {
    const state = await (await fetch("/streamer")).json();
    if (own === last && store.state) drawState(state);
  } catch {
    $("streamer-state").textContent = "The workshop does not answer.";
  }
}

/** Its own counts, which it prints at the end; until then, what X and S3 have counted. */
function countsOf({ runs, counts }) {
  const { StreamingInstance, DeliveryStream } = store.state.stages;
  const live = { "posts from X": StreamingInstance.count, "lines in S3": DeliveryStream.count };
  return runs ? live : counts;
}

function drawState(state) {
  const counts = countsOf(state);
  if (!changed("streamer", [state, counts])) return;
  const { runs, ended, lines } = state;
  $("streamer-state").textContent = STATES[runs];
  $("streamer-start").hidden = runs !== "";
  $("streamer-stop").hidden = runs !== "page";
  showMessage("streamer-message", ended && !runs ? `It has ended: ${lines.at(-1) || ""}` : "");
  $("streamer-log").textContent = lines.join("\n");
  $("streamer-log").scrollTop = $("streamer-log").scrollHeight;
  const names = Object.keys(counts);
  $("streamer-counts").hidden = !names.length;
  const [head, body] = $("streamer-counts").querySelectorAll("tr");
  head.replaceChildren(...names.map((name) => make("th", { scope: "col" }, name)));
  body.replaceChildren(...names.map((name) => make("td", {}, counts[name])));
}

async function act(path, done) {
  showMessage("streamer-message", "");
  try {
    await send(path, json({}));
    announce(done);
  } catch (error) {
    showMessage("streamer-message", error.message);
  }
  await look();
}

/** Make its buttons work. */
export function build() {
  $("streamer-start").addEventListener("click", () => act("/streamer/start", "Started."));
  $("streamer-stop").addEventListener("click", () => act("/streamer/stop", "Stopped."));
  $("streamer-command").append(command(COMMANDS));
}
