// The page of the offline workshop: it asks /state for what is new, and lets its parts draw it.

import { follow } from "./animation.js";
import { buildComparison, drawComparison } from "./comparison.js";
import { buildForm } from "./composer.js";
import { buildStages, drawStages, flash } from "./diagram.js";
import { $, changed, forget } from "./dom.js";
import { drawMails } from "./mail.js";
import { buildPanel, refresh, toggle } from "./panel.js";
import { buildReference, drawReference } from "./reference.js";
import { learn, store } from "./state.js";
import { drawSteps } from "./steps.js";
import { buildTimeline, clearTimeline, drawTimeline } from "./timeline.js";

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function listen() {
  for (;;) {
    let news = null;
    try {
      const answer = await fetch(`/state?run=${store.run}&version=${store.version}`);
      if (answer.status >= 400) throw new Error(`The workshop answered ${answer.status}.`);
      if (answer.status === 200) news = await answer.json();
    } catch {
      $("status").textContent =
        "The workshop does not answer. Is it still running in the terminal?";
      $("status").className = "lost";
      forget("status");
      await pause(2000);
      continue;
    }
    try {
      if (news) apply(news);
      else if (store.state) drawStatus();
    } catch (error) {
      console.error(error); // a mistake of this page: go on with what comes next
    }
    await pause(150);
  }
}

function apply(news) {
  const before = store.state;
  const changes = learn(news);
  if (!changes) clearTimeline();
  drawStatus();
  drawSteps();
  refresh(drawStages());
  drawTimeline();
  drawComparison();
  drawMails();
  drawReference();
  if (!changes) return;
  for (const [old, post] of changes) {
    post.photos.forEach((photo, number) => follow(old?.photos[number], photo, post));
  }
  for (const name of Object.keys(news.stages)) {
    if (news.stages[name].count > before.stages[name].count) flash(name);
  }
}

function drawStatus() {
  const { state } = store;
  const stack = state.stack ? `stack ${state.stack.name}: ${state.stack.status}` : "no stack yet";
  const streamer = state.connected ? "streamer connected" : "streamer not connected";
  const text = `Offline, region ${state.region} · ${stack} · ${streamer}`;
  if (!changed("status", text)) return;
  $("status").textContent = text;
  $("status").className = "";
}

buildForm();
buildTimeline();
buildStages(toggle);
buildPanel();
buildComparison();
buildReference();
listen();
