// What is in a stage: it opens below the picture.

import { $, changed, clock, complain, forget, make, redraw } from "./dom.js";
import { store } from "./state.js";
import { STAGES, stageElement } from "./topology.js";
import { command } from "./widgets.js";

let openStage = null;
let filling = false;

/** Open a stage, or close it if it is open. */
export async function toggle(id) {
  const old = openStage;
  if (old) stageElement(old).querySelector("button").setAttribute("aria-expanded", "false");
  openStage = old === id ? null : id;
  $("panel").hidden = !openStage;
  if (!openStage) return;
  stageElement(id).querySelector("button").setAttribute("aria-expanded", "true");
  $("panel-heading").textContent = STAGES.find(([stage]) => stage === id)[1];
  $("panel-about").textContent = "Reading …";
  $("panel-command").replaceChildren();
  $("panel-entries").replaceChildren();
  forget("panel");
  await fillPanel();
  $("panel-heading").focus();
  $("panel").scrollIntoView({ block: "nearest" });
}

function closePanel() {
  const button = openStage && stageElement(openStage).querySelector("button");
  if (openStage) toggle(openStage);
  button?.focus();
}

async function fillPanel() {
  if (filling) {
    filling = "again";
    return;
  }
  filling = true;
  const id = openStage;
  try {
    const content = await (await fetch(`/stages/${id}`)).json();
    if (id !== openStage) return;
    const stage = store.state?.stages[id];
    complain(
      "panel-error",
      stage?.error
        ? `${stage.now ? "" : `Last error, ${clock(stage.error_at)}: `}${stage.error}`
        : "",
    );
    if (!changed("panel", content)) return;
    $("panel-about").textContent = content.about;
    redraw($("panel-command"), content.command ? [command(content.command)] : []);
    const log = id.endsWith("Function");
    const wasOpen = new Map(
      [...document.querySelectorAll("#panel-entries details")].map((e) => [
        e.lastChild.dataset.heading,
        e.open,
      ]),
    );
    redraw(
      $("panel-entries"),
      content.entries.map(({ heading, text, at }, index) =>
        make(
          "details",
          { class: "entry", open: wasOpen.has(heading) ? wasOpen.get(heading) : index === 0 },
          make("summary", { "data-focus": heading }, at ? `${clock(at)}  ${heading}` : heading),
          make(
            "pre",
            { tabindex: "0", role: "group", "aria-label": heading, "data-heading": heading },
            text,
          ),
        ),
      ),
    );
    if (log)
      $("panel-entries")
        .querySelectorAll("pre")
        .forEach((pre) => (pre.scrollTop = pre.scrollHeight));
  } catch {
    $("panel-about").textContent = "It cannot be read: the workshop does not answer.";
  } finally {
    const again = filling === "again" || id !== openStage;
    filling = false;
    if (again && openStage) setTimeout(fillPanel, 1000);
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
  // What is in a stage may change while its numbers do not, such as the outcome in an item.
  setInterval(() => openStage && !document.hidden && fillPanel(), 3000);
}
