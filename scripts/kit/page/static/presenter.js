// The presenter, at #/present: the code and the pipeline, large, for a stream or a room.
// No address, e-mail or path is on it.

import { toggleSlowMotion } from "./animation.js";
import { postSample } from "./composer.js";
import { SAMPLES } from "./constants.js";
import { isWriting } from "./keys.js";
import { isPresenting } from "./tabs.js";
import { toast } from "./widgets.js";

const KEYS = "P or Escape leaves · 1 to 5 post the samples · S: slow motion";

function toggle() {
  location.hash = isPresenting() ? "#/code" : "#/present";
  if (isPresenting()) toast(KEYS);
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || isWriting(event)) return;
  const key = event.key.toLowerCase();
  if (key === "p" || (key === "escape" && isPresenting())) toggle();
  else if (key === "s" && isPresenting()) toast(`Speed: ${toggleSlowMotion()}`);
  else if (isPresenting() && SAMPLES[Number(key) - 1]) postSample(SAMPLES[Number(key) - 1]);
}

/** Make its keys work. */
export function buildPresenter() {
  addEventListener("keydown", press);
}
