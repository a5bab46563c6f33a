// The reference photo: see it, change it.

import { LIMITS } from "./constants.js";
import { $, announce, changed, make, send, showMessage } from "./dom.js";
import { choose, droppable, fileError, sampleButtons, shortName } from "./files.js";
import { store } from "./state.js";
import { imageWithBoxes } from "./widgets.js";

export function draw() {
  const { reference, stack } = store.state;
  if (!changed("reference", [reference, Boolean(stack)])) return;
  showMessage("reference-message", "");
  $("reference-state").textContent = describe(reference, stack);
  const { name, etag } = reference;
  if (etag) {
    const source = `/reference?etag=${etag}`;
    imageWithBoxes($("reference-picture"), source, `The reference photo, ${name}`, []);
  } else {
    $("reference-picture").replaceChildren(make("p", { class: "faint" }, "No photo"));
  }
}

function describe({ name, etag, faces, problem }, stack) {
  if (!stack) {
    return "There is no stack yet, so there is no bucket for it: launch the stack, step 3.";
  }
  if (!etag) {
    const advice = "Choose a photo that shows one face from the front.";
    return `${name} is not in RekognitionBucket yet. ${advice}`;
  }
  if (problem) return `⚠ ${name} is uploaded, but of no use: ${problem}`;
  const found = faces === 1 ? "one face is" : `${faces} faces are`;
  const more = faces > 1 ? "; the largest counts" : "";
  return `✓ ${name} is uploaded, and ${found} found in it${more}.`;
}

async function changeReference(path, body, name) {
  showMessage("reference-message", "");
  try {
    await send(path, { body });
    announce(`The reference photo is now ${name}.`);
  } catch (error) {
    showMessage("reference-message", error.message);
  }
}

async function uploadReference([file]) {
  if (!file) return;
  const message = await fileError(file, LIMITS.reference);
  if (message) showMessage("reference-message", message);
  else await changeReference("/reference", file, shortName(file.name));
}

/** Make its buttons work. */
export function build() {
  choose($("reference-file"), uploadReference);
  droppable($("reference-drop"), uploadReference);
  const useSample = (sample) => changeReference(`/reference?sample=${sample}`, null, sample);
  $("reference-samples").append(...sampleButtons(useSample));
}
