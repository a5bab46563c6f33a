// The page of the offline workshop: it asks /state for the news, and lets its parts draw them.

import { follow } from "./animation.js";
import { buildComposer } from "./composer.js";
import { buildStages, drawStages, flash } from "./diagram.js";
import { $, announce, changed, forget } from "./dom.js";
import { buildKeys } from "./keys.js";
import { drawMails } from "./mail.js";
import { buildPanel, refresh, show, toggle } from "./panel.js";
import { buildPresenter, openPresenter } from "./presenter.js";
import { merge, store } from "./state.js";
import { buildSteps, drawSteps } from "./steps.js";
import { buildStrip, drawStrip, flashChip } from "./strip.js";
import { buildTabs, onOpen, openTab } from "./tabs.js";
import { buildTimeline, clearTimeline, drawTimeline } from "./timeline.js";
import { stageOf } from "./topology.js";
import { toast } from "./widgets.js";

/**
 * What only one tab needs: it is loaded when the tab is first opened.
 *
 * Each module may have build(), called once; draw(), at all news from then on; and open(place),
 * whenever the tab is opened, with the rest of the address.
 */
const LATER = {
  launch: () => [import("./launch.js")],
  streamer: () => [import("./streamer.js")],
  code: () => [
    import("./editor.js"), // the others ask for it, later
    import("./exercise.js"),
    import("./log.js"),
    import("./results.js"),
    import("./testing.js"),
  ],
  data: () => [import("./data.js")],
  compare: () => [import("./comparison.js"), import("./reference.js")],
};
const PAUSE = 50; // milliseconds between two requests
const RETRY_PAUSE = 2000;
const loaded = []; // modules of LATER
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The page does not let this browser in any more; the message says how it does. */
class Refusal extends Error {}

async function listen() {
  for (;;) {
    try {
      apply(await fetchNews());
      await pause(PAUSE);
    } catch (error) {
      drawLost(error);
      await pause(RETRY_PAUSE);
    }
  }
}

/** Wait for a newer state than ours; null if there is none for a while. */
async function fetchNews() {
  const { run, version, line } = store;
  const answer = await fetch(`/state?run=${run}&version=${version}&line=${line}`);
  if (answer.status === 401) throw new Refusal((await answer.json()).error);
  if (answer.status >= 400) throw new Error(`The workshop answered ${answer.status}.`);
  return answer.status === 200 ? answer.json() : null;
}

/** Draw the news; null: only that the workshop still answers. */
function apply(news) {
  try {
    if (news) drawNews(news);
    else if (store.state) drawStatus();
  } catch (error) {
    console.error(error); // a mistake of this page: go on with what comes next
  }
}

function drawNews(news) {
  const before = store.state;
  const changes = merge(news);
  if (!changes) clearTimeline();
  drawStatus();
  drawSteps();
  refresh(drawStages());
  drawStrip();
  drawTimeline();
  drawMails();
  for (const { draw } of loaded) draw?.();
  if (changes) animate(changes, before);
}

/** Show what has moved since the state before. */
function animate(changes, before) {
  for (const [old, post] of changes) {
    for (const [index, photo] of post.photos.entries()) follow(old?.photos[index], photo, post);
  }
  for (const [id, status] of Object.entries(store.state.stages)) {
    if (status.count <= before.stages[id].count) continue;
    flash(id);
    flashChip(id);
  }
}

function drawStatus() {
  const { region, stack, connected } = store.state;
  const stackText = stack ? `stack ${stack.name}: ${stack.status}` : "no stack yet";
  const streamer = connected ? "streamer connected" : "streamer not connected";
  const text = `Offline, region ${region} · ${stackText} · ${streamer}`;
  if (!changed("status", text)) return;
  if ($("status").dataset.shown) announce(`${stackText}, ${streamer}`);
  $("status").dataset.shown = "yes";
  $("status").textContent = text;
  $("status").className = "";
  $("alarm").textContent = "";
}

function drawLost(error) {
  const silence = "The workshop does not answer. Is it still running in the terminal?";
  $("status").textContent = error instanceof Refusal ? error.message : silence;
  $("status").className = "lost";
  $("alarm").textContent = $("status").textContent;
  forget("status");
}

// A file that is dropped beside a form would be opened instead of this page.
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => event.preventDefault());
}

/** Let a tab load its modules when it is first opened; until then nothing in it can be used. */
function loadWhenOpened(tab, modules) {
  let parts = null; // the promise of them
  const load = async () => {
    $(tab).toggleAttribute("inert", true);
    try {
      const fresh = await Promise.all(modules());
      for (const { build } of fresh) build?.();
      if (store.state) for (const { draw } of fresh) draw?.();
      loaded.push(...fresh);
      return fresh;
    } finally {
      $(tab).toggleAttribute("inert", false);
    }
  };
  onOpen(tab, async (place) => {
    parts ||= load();
    try {
      for (const { open } of await parts) open?.(place);
    } catch (error) {
      parts = null;
      toast(`This part of the page cannot be loaded: ${error.message}`);
    }
  });
}

buildComposer();
buildTimeline();
buildStages(toggle);
buildPanel();
buildStrip((id) => {
  openTab("pipeline");
  show(id);
});
buildKeys();
buildPresenter();
onOpen("present", openPresenter);
onOpen("pipeline", (stage) => stageOf(stage) && show(stage));
for (const [tab, modules] of Object.entries(LATER)) loadWhenOpened(tab, modules);
buildTabs();
buildSteps().catch(() => {}); // the page goes on with the short text
listen();
