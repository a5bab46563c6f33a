// The content of a stage: it opens below the diagram.

import { stageElement } from "./diagram.js";
import {
  $,
  changed,
  clock,
  forget,
  json,
  make,
  openDetails,
  redraw,
  send,
  showMessage,
  withLocalTimes,
} from "./dom.js";
import { store } from "./state.js";
import { stageOf } from "./topology.js";
import { command, toast } from "./widgets.js";

// The stages whose content is also in the tab Data, as a whole.
const PLACES = {
  DeliveryStream: "TwitterBucket",
  TwitterBucket: "TwitterBucket",
  TwitterLambdaFunction: "TwitterLambdaLogs",
  You: "RekognitionBucket",
  RekognitionBucket: "RekognitionBucket/images/",
  PostsTable: "PostsTable",
  FailureQueue: "FailureQueue",
  RekognitionLambdaFunction: "RekognitionLambdaLogs",
  MatchTopic: "MatchTopic",
};
const REFRESH_SECONDS = 3;
let openStage = null;
let filling = false;
let again = false; // whether to fill it once more, for what came in the meantime

/** Open a stage, and leave it open if it is. */
export function show(id) {
  if (openStage !== id) toggle(id);
}

/** Open a stage, or close it if it is open. */
export async function toggle(id) {
  if (openStage) expandButton(openStage, false);
  openStage = openStage === id ? null : id;
  $("panel").hidden = !openStage;
  if (!openStage) return;
  expandButton(id, true);
  $("panel-heading").textContent = stageOf(id).title;
  $("panel-about").textContent = "Reading …";
  $("panel-command").replaceChildren();
  $("panel-entries").replaceChildren();
  forget("panel");
  await fillPanel();
  $("panel-heading").focus();
  $("panel").scrollIntoView({ block: "nearest" });
}

function expandButton(id, expanded) {
  stageElement(id).querySelector("button").setAttribute("aria-expanded", String(expanded));
}

function closePanel() {
  const button = openStage && stageElement(openStage).querySelector("button");
  if (openStage) toggle(openStage);
  button?.focus();
}

/** Read the content of the open stage and draw it; one at a time. */
async function fillPanel() {
  if (filling) {
    again = true;
    return;
  }
  filling = true;
  again = false;
  const id = openStage;
  try {
    const content = await (await fetch(`/stages/${id}`)).json();
    if (id === openStage) drawContent(id, content);
  } catch {
    $("panel-about").textContent = "It cannot be read: the workshop does not answer.";
  }
  filling = false;
  if (openStage && (again || id !== openStage)) setTimeout(fillPanel, 1000);
}

function drawContent(id, content) {
  showMessage("panel-error", errorOf(store.state?.stages[id]));
  if (!changed("panel", content)) return;
  if (id === "RekognitionBucket" && content.entries.length) {
    send("/steps/images/seen").catch(() => {}); // step 7: the learner looks at the photos
  }
  $("panel-about").textContent = content.about;
  const shown = content.command ? [command(content.command)] : [];
  if (id === "FailureQueue" && content.entries.length) shown.push(redriveButton());
  if (PLACES[id] && store.state?.stack) shown.push(linkToData(id));
  redraw($("panel-command"), shown);
  const wasOpen = openDetails($("panel-entries"));
  const entries = content.entries.map((entry, index) => {
    const open = wasOpen.has(entry.heading) ? wasOpen.get(entry.heading) : index === 0;
    return drawEntry(entry, open);
  });
  redraw($("panel-entries"), entries);
  if (id.endsWith("Function")) scrollToEnds(entries);
}

/** Sends what is in the queue again, once its cause is fixed. */
function redriveButton() {
  const redrive = async () => {
    try {
      toast((await send("/queue/redrive", json({}))).text);
    } catch (error) {
      showMessage("panel-error", error.message);
    }
  };
  const attributes = { type: "button", "data-focus": "redrive", onclick: redrive };
  return make("button", attributes, "Send all again: python scripts/workshop.py redrive");
}

function linkToData(id) {
  const attributes = { href: `#/data/${PLACES[id]}`, "data-focus": "data" };
  return make("p", {}, make("a", attributes, "All of it, in the tab Data"));
}

function errorOf(status) {
  if (!status?.error) return "";
  return status.now ? status.error : `Last error, ${clock(status.error_at)}: ${status.error}`;
}

function drawEntry({ heading, text, at, picture }, open) {
  return make(
    "details",
    { class: "entry", open, "data-key": heading },
    make("summary", { "data-focus": heading }, at ? `${clock(at)}  ${heading}` : heading),
    picture ? make("img", { class: "content-picture", src: picture, alt: heading }) : null,
    make("pre", { tabindex: "0", role: "group", "aria-label": heading }, withLocalTimes(text)),
  );
}

/** Of a log, the end is of interest. */
function scrollToEnds(entries) {
  for (const entry of entries) {
    const pre = entry.querySelector("pre");
    pre.scrollTop = pre.scrollHeight;
  }
}

/** Read the open stage again if it is one of those that have changed. */
export function refresh(stages) {
  if (stages.includes(openStage)) fillPanel();
}

/** Make it work. */
export function buildPanel() {
  $("panel-close").addEventListener("click", closePanel);
  $("panel").addEventListener("keydown", (event) => event.key === "Escape" && closePanel());
  // The content of a stage may change while its numbers do not, such as the outcome in an item.
  setInterval(() => openStage && !document.hidden && fillPanel(), 1000 * REFRESH_SECONDS);
}
