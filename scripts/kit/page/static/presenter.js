// The presenter, at #/present: the code and the pipeline, large, for a stream or a room.
// No address, e-mail or path is on it, also in its first moment: hence it is loaded with the page.

import { toggleSlowMotion } from "./animation.js";
import { postNow } from "./composer.js";
import { SAMPLES } from "./constants.js";
import { json, make, send } from "./dom.js";
import { isWriting } from "./keys.js";
import { hideSecrets, showSecrets } from "./secrets.js";
import { store } from "./state.js";
import { isPresenting } from "./tabs.js";
import { toast } from "./widgets.js";

const KEYS =
  "P or Escape leaves · 1 to 5 post the samples, and a photo that is dropped is posted · " +
  "S: slow motion · R: start again at a step";
const FIRST_STEP = 3; // the two before it are done offline

function press(event) {
  if (!isPresenting() || isWriting(event) || isAsking()) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.toLowerCase();
  if (key === "escape") location.hash = "#/code";
  else if (key === "s") toast(`Speed: ${toggleSlowMotion() === 1 ? "1×" : "¼×"}`);
  else if (key === "r") askForStep();
  else if (SAMPLES[Number(key) - 1]) postNow([{ sample: SAMPLES[Number(key) - 1] }]);
}

function drop(event) {
  if (!isPresenting()) return;
  const files = [...event.dataTransfer.files].map((file) => ({ file }));
  if (files.length) postNow(files);
}

// --- Start again at a step -------------------------------------------------------------------

const isAsking = () => document.querySelector("dialog[open]") !== null;

/** Ask at which step to start again, and say what is lost. */
function askForStep() {
  if (!store.state) return; // there is no news yet
  const steps = store.state.steps.filter(({ number }) => number >= FIRST_STEP);
  const options = steps.map(({ number, title }) =>
    make("option", { value: number }, `${number}. ${title}`),
  );
  const select = make("select", { id: "again-step" }, ...options);
  const dialog = make(
    "dialog",
    { "aria-labelledby": "again-heading" },
    make("h2", { id: "again-heading" }, "Start again at a step"),
    make("label", { for: "again-step" }, "Step "),
    select,
    make("p", {}, whatIsLost()),
    make(
      "div",
      { class: "row" },
      make("button", { class: "primary", type: "button", onclick: begin }, "Start again"),
      make("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
    ),
  );
  async function begin() {
    dialog.close();
    try {
      await send("/steps/again", json({ step: Number(select.value) }));
      toast(`It starts again at step ${select.value}: see the steps before it being done.`);
    } catch (error) {
      toast(error.message);
    }
  }
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function whatIsLost() {
  const { stack } = store.state;
  const goes = stack
    ? `The stack ${stack.name} is deleted with its photos, its matches and the code in it, ` +
      "and the steps before this one are done anew, with the samples and the solution."
    : "The steps before this one are done, with the samples and the solution.";
  return `${goes} Your file exercise/index.py stays. Stop a streamer in a terminal of yours first.`;
}

// --- All together ----------------------------------------------------------------------------

function follow() {
  if (isPresenting()) hideSecrets();
  else showSecrets();
}

/** Say which keys there are. */
export function openPresenter() {
  if (isPresenting()) toast(KEYS);
}

/** Make its keys work, and hide what is not for an audience. */
export function buildPresenter() {
  addEventListener("keydown", press);
  addEventListener("drop", drop);
  addEventListener("hashchange", follow);
  follow();
}
