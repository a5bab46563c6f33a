// What is in a hop: it opens below the picture.

import { command } from "./command.js";
import { $, changed, clock, complain, forget, make, redraw } from "./dom.js";
import { known } from "./known.js";
import { HOPS, hopElement } from "./map.js";

let openHop = null;
let filling = false;

/** Open a hop, or close it if it is open. */
export async function toggle(id) {
  const old = openHop;
  if (old) hopElement(old).querySelector("button").setAttribute("aria-expanded", "false");
  openHop = old === id ? null : id;
  $("panel").hidden = !openHop;
  if (!openHop) return;
  hopElement(id).querySelector("button").setAttribute("aria-expanded", "true");
  $("panel-heading").textContent = HOPS.find(([hop]) => hop === id)[1];
  $("panel-about").textContent = "Reading …";
  $("panel-command").replaceChildren();
  $("panel-entries").replaceChildren();
  forget("panel");
  await fillPanel();
  $("panel-heading").focus();
  $("panel").scrollIntoView({ block: "nearest" });
}

function closePanel() {
  const button = openHop && hopElement(openHop).querySelector("button");
  if (openHop) toggle(openHop);
  button?.focus();
}

async function fillPanel() {
  if (filling) {
    filling = "again";
    return;
  }
  filling = true;
  const id = openHop;
  try {
    const content = await (await fetch(`/hops/${id}`)).json();
    if (id !== openHop) return;
    const hop = known.state?.hops[id];
    complain("panel-error", hop?.error ? `${hop.now ? "" : `Last error, ${clock(hop.error_at)}: `}${hop.error}` : "");
    if (!changed("panel", content)) return;
    $("panel-about").textContent = content.about;
    redraw($("panel-command"), content.command ? [command(content.command)] : []);
    const log = id.endsWith("Function");
    const wasOpen = new Map([...document.querySelectorAll("#panel-entries details")].map((e) => [e.lastChild.dataset.heading, e.open]));
    redraw(
      $("panel-entries"),
      content.entries.map(({ heading, text, at }, index) =>
        make(
          "details",
          { class: "entry", open: wasOpen.has(heading) ? wasOpen.get(heading) : index === 0 },
          make("summary", { "data-focus": heading }, at ? `${clock(at)}  ${heading}` : heading),
          make("pre", { tabindex: "0", role: "group", "aria-label": heading, "data-heading": heading }, text),
        ),
      ),
    );
    if (log) $("panel-entries").querySelectorAll("pre").forEach((pre) => (pre.scrollTop = pre.scrollHeight));
  } catch {
    $("panel-about").textContent = "It cannot be read: the workshop does not answer.";
  } finally {
    const again = filling === "again" || id !== openHop;
    filling = false;
    if (again && openHop) setTimeout(fillPanel, 1000);
  }
}

/** Read the open hop again if it is one of those that have changed. */
export function refresh(hops) {
  if (hops.includes(openHop)) fillPanel();
}

/** Make it work. */
export function buildPanel() {
  $("panel-close").addEventListener("click", closePanel);
  $("panel").addEventListener("keydown", (event) => event.key === "Escape" && closePanel());
  // What is in a hop may change while its numbers do not, such as the outcome in an item.
  setInterval(() => openHop && !document.hidden && fillPanel(), 3000);
}
