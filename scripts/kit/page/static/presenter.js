// The presenter, at #/present: the code and the pipeline, large, for a stream or a room.
// No address, e-mail or path is on it.

import { toggleSlowMotion } from "./animation.js";
import { postSample } from "./composer.js";
import { SAMPLES } from "./constants.js";
import { isWriting } from "./keys.js";
import { isPresenting } from "./tabs.js";
import { toast } from "./widgets.js";

const KEYS = "P or Escape leaves · 1 to 5 post the samples · S: slow motion";

function press(event) {
  if (!isPresenting() || isWriting(event)) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.toLowerCase();
  if (key === "escape") location.hash = "#/code";
  else if (key === "s") toast(`Speed: ${toggleSlowMotion()}`);
  else if (SAMPLES[Number(key) - 1]) postSample(SAMPLES[Number(key) - 1]);
}

/** Say which keys there are. */
export function open() {
  if (isPresenting()) toast(KEYS);
}

/** Make its keys work. */
export function build() {
  addEventListener("keydown", press);
}
