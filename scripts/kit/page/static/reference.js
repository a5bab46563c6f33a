// The reference photo: see it, change it.

import { $, announce, changed, complain, make, send } from "./dom.js";
import { choose, droppable, LIMITS, refusal, sampleButtons, shortName } from "./files.js";
import { store } from "./state.js";
import { imageWithBoxes } from "./widgets.js";

export function drawReference() {
  const { reference, stack } = store.state;
  if (!changed("reference", [reference, Boolean(stack)])) return;
  const { name, etag, faces, problem } = reference;
  const text = !stack
    ? "There is no stack yet, so there is no bucket for it: launch the stack, step 3."
    : !etag
      ? `${name} is not in RekognitionBucket yet. Choose a photo that shows one face from the front.`
      : problem
        ? `⚠ ${name} is uploaded, but of no use: ${problem}`
        : `✓ ${name} is uploaded, and ${faces === 1 ? "one face is" : `${faces} faces are`} found in it${faces > 1 ? "; the largest counts" : ""}.`;
  $("reference-state").textContent = text;
  if (etag)
    imageWithBoxes(
      $("reference-picture"),
      `/reference?etag=${etag}`,
      `The reference photo, ${name}`,
      [],
    );
  else $("reference-picture").replaceChildren(make("p", { class: "faint" }, "No photo"));
}

async function changeReference(path, body, name) {
  complain("reference-message", "");
  try {
    await send(path, { body });
    announce(`The reference photo is now ${name}.`);
  } catch (error) {
    complain("reference-message", error.message);
  }
}

async function uploadReference([file]) {
  if (!file) return;
  const problem = await refusal(file, LIMITS.reference, ["JPEG", "PNG"]);
  if (problem) complain("reference-message", problem);
  else await changeReference("/reference", file, shortName(file.name));
}

/** Make its buttons work. */
export function buildReference() {
  choose($("reference-file"), uploadReference);
  droppable($("reference-drop"), uploadReference);
  const take = (sample) => changeReference(`/reference?sample=${sample}`, null, sample);
  $("reference-samples").append(...sampleButtons(take));
}
