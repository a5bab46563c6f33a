// The strip: the stages in one line, always there; a click opens a stage in the pipeline.

import { $, changed, hidden, make } from "./dom.js";
import { store } from "./state.js";
import { STAGES } from "./topology.js";

const NAMES = {
  X: "X",
  StreamingInstance: "Streamer",
  DeliveryStream: "Firehose",
  TwitterBucket: "Twitter bucket",
  TwitterLambdaFunction: "Twitter Lambda",
  You: "You",
  RekognitionBucket: "Photo bucket",
  PostsTable: "Table",
  FailureQueue: "Failures",
  Rekognition: "Rekog\u00adnition",
  RekognitionLambdaFunction: "Your Lambda",
  MatchTopic: "Topic",
  Inbox: "Inbox",
};

const UPLOADED = ["–", "✓"]; // no reference photo, and one

/** Draw the chips; `open` is called with the id of the stage that is clicked. */
export function buildStrip(open) {
  $("strip").append(
    ...STAGES.map(({ id, kind }) =>
      make(
        "button",
        { type: "button", class: `chip ${kind}`, "data-chip": id, onclick: () => open(id) },
        make("span", {}, NAMES[id]),
        make("b", {}, "–"),
      ),
    ),
  );
}

/** Write the counts, and mark the stages at which something is wrong now. */
export function drawStrip() {
  for (const { id } of STAGES) {
    const { count, now, error } = store.state.stages[id];
    const text = id === "You" ? UPLOADED[Number(count > 0)] : String(count);
    if (changed(`chip ${id}`, [text, now, error])) drawChip(id, text, now ? error : "");
  }
}

function drawChip(id, text, error) {
  const chip = document.querySelector(`[data-chip="${id}"]`);
  chip.classList.toggle("wrong", Boolean(error));
  chip.title = error;
  chip.lastElementChild.replaceChildren(error ? "⚠ " : "", text, hidden(error && `, ${error}`));
}

/** Show that something came to a stage. */
export function flashChip(id) {
  const { classList } = document.querySelector(`[data-chip="${id}"]`);
  classList.remove("flash");
  void $("strip").offsetWidth; // begins the animation anew
  classList.add("flash");
}
