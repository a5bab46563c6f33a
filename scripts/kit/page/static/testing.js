// Tests of the deployed function, with an event that the learner chooses or writes.

import { $, announce, changed, json, make, redraw, send } from "./dom.js";
import { save } from "./exercise.js";
import { linked } from "./log.js";
import { showPane } from "./results.js";
import { newestFirst, store } from "./state.js";
import { command } from "./widgets.js";

const EVENTS = {
  newest: "newest photo",
  photo: "another photo …",
  "no face": "a photo without a face",
  two: "two photos in one event",
  twice: "the same event twice at once",
  spaces: "a key with spaces",
  console: "the console's button Test",
  empty: "an empty event",
  edit: "edit the event …",
};
const STORED = ["no face", "spaces"]; // the page stores the photo first
const SHOWN_PHOTOS = 20;
let chosen = ""; // the media key of another photo
let text = null; // of the event to edit; null: none yet
let last = null; // the last test: of an older one that ends later nothing is shown

/** What is chosen or written, below the buttons. */
function drawChoice() {
  const event = $("test-event").value;
  const parts = { photo: () => [photos()], edit: () => [editor()] }[event]?.() || [];
  if (STORED.includes(event)) {
    const note = "It is stored below tests/ in the bucket, of which S3 sends no event.";
    parts.push(make("p", { class: "faint" }, note));
  }
  redraw($("test-choice"), parts);
}

/** The newest photos; a click tests with one of them. */
function photos() {
  const found = newestFirst()
    .flatMap((post) => post.photos.map((photo) => ({ ...photo, text: post.text })))
    .filter((photo) => photo.stored)
    .slice(0, SHOWN_PHOTOS);
  const buttons = found.map(({ key, etag, text: post }) => {
    const choose = () => {
      chosen = key;
      drawChoice();
      test();
    };
    const attributes = {
      type: "button",
      title: post,
      "aria-pressed": String(key === chosen),
      "data-focus": key,
      onclick: choose,
    };
    const image = { src: `/photos/${key}?from=s3&etag=${etag}`, alt: `Test with “${post}”` };
    return make("button", attributes, make("img", { ...image, loading: "lazy" }));
  });
  if (!buttons.length) return make("p", { class: "faint" }, "No photo is stored yet: post one.");
  return make("div", { class: "samples", role: "group", "aria-label": "Photos" }, ...buttons);
}

function editor() {
  const area = make("textarea", { id: "test-json", rows: "10", spellcheck: "false" });
  area.value = text ?? "";
  area.addEventListener("input", () => {
    text = area.value;
  });
  return make(
    "div",
    { class: "field" },
    make("label", { for: "test-json" }, "Event, as JSON"),
    area,
  );
}

/** Another event is chosen. */
async function choose() {
  showPane("test");
  if ($("test-event").value === "edit" && text === null) {
    const event = await (await fetch("/exercise/event")).json();
    text ??= JSON.stringify(event, null, 2);
  }
  drawChoice();
}

/** What the workshop is asked for. */
function wanted() {
  const event = $("test-event").value;
  if (event === "edit") return { json: text ?? "" };
  if (event !== "photo") return { event };
  if (!chosen) throw new Error("Choose a photo: a click on it tests with it.");
  return { event: `photo ${chosen}` };
}

async function test() {
  showPane("test");
  $("test-results").replaceChildren(make("p", { class: "faint" }, "Running …"));
  const own = Symbol("test");
  last = own;
  try {
    await save();
    const answer = await send("/exercise/test", json(wanted()));
    if (own === last) drawAnswer(answer);
  } catch (error) {
    if (own !== last) return;
    $("test-results").replaceChildren(make("p", { class: "message" }, error.message));
  }
}

function drawAnswer({ event, results, command: asCommand }) {
  if ($("test-event").value !== "edit") text = JSON.stringify(event, null, 2);
  $("test-results").replaceChildren(
    whatWasTested(),
    ...results.map(drawResult),
    make("details", {}, make("summary", {}, "As AWS CLI"), command(asCommand)),
  );
  announce(results.some(({ failed }) => failed) ? "The test failed." : "The test has passed.");
}

/** A test runs what is deployed, which may not be what is in the editor. */
function whatWasTested() {
  const { code, exercise } = store.state;
  const message = "The deployed code was tested. Yours differs from it: Deploy, then test again.";
  return code.tag === exercise ? "" : make("p", { class: "message" }, message);
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

/** Draw the photos again when there are others. */
export function draw() {
  if ($("test-event").value !== "photo") return;
  const keys = newestFirst().flatMap((post) => post.photos.filter((photo) => photo.stored));
  if (changed("photos to test", keys)) drawChoice();
}

/** Make the menu and the button work. */
export function build() {
  const options = Object.entries(EVENTS).map(([value, name]) => make("option", { value }, name));
  $("test-event").replaceChildren(...options);
  $("test-event").addEventListener("change", choose);
  $("test").addEventListener("click", test);
}
