// The tabs of the workspace, each at an address of its own, such as #/code.

import { $ } from "./dom.js";

const TABS = ["steps", "launch", "streamer", "pipeline", "code", "data", "compare", "mail", "x"];
// Where they have room, the steps and X are always there, and are no tabs.
const wide = matchMedia("(min-width: 80em)");
const medium = matchMedia("(min-width: 50em)");
const openers = new Map(); // tab → what is to be done when it is shown
let current = "pipeline";

// The presenter has the code and the pipeline side by side, and nothing else.
const PRESENTED = ["code", "pipeline"];
export const isPresenting = () => location.hash === "#/present";
const isFixed = (tab) => (tab === "steps" && medium.matches) || (tab === "x" && wide.matches);
const button = (tab) => $(`tab-${tab}`);

/** Call a function whenever a tab is shown, with the rest of the address: #/pipeline/X. */
export function onOpen(tab, action) {
  openers.set(tab, action);
}

/** Whether a tab is shown. */
export const isOpen = (tab) => current === tab;

/** Show a tab, and have its address. */
export function openTab(tab) {
  if (location.hash !== `#/${tab}`) location.hash = `#/${tab}`;
  show();
}

function show() {
  arrange();
  const place = location.hash.split("/")[2];
  if (isPresenting()) for (const tab of [...PRESENTED, "present"]) openers.get(tab)?.();
  else openers.get(current)?.(place);
}

/** The window is wider or narrower: the steps and X may have become tabs, or be none any more. */
function rearrange() {
  const before = current;
  arrange();
  if (current !== before) openers.get(current)?.();
}

function arrange() {
  document.body.classList.toggle("present", isPresenting());
  if (isPresenting()) for (const tab of TABS) $(tab).hidden = !PRESENTED.includes(tab);
  else arrangeOne();
}

function arrangeOne() {
  const { hash } = location; // such as #/code; one like #post-1 leads to a place in the same tab
  const wanted = hash && !hash.startsWith("#/") ? current : hash.slice(2).split("/")[0];
  const known = TABS.includes(wanted) ? wanted : "pipeline";
  current = [known, current, "pipeline"].find((tab) => !isFixed(tab));
  for (const tab of TABS) {
    const selected = tab === current;
    $(tab).hidden = !selected && !isFixed(tab);
    button(tab).hidden = isFixed(tab);
    button(tab).setAttribute("aria-selected", String(selected));
    button(tab).tabIndex = selected ? 0 : -1;
  }
  button(current).scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** The arrow keys go from one tab to the next, as in any list of tabs. */
function step(event) {
  const direction = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!direction) return;
  const shown = TABS.filter((tab) => !isFixed(tab));
  const place = shown.indexOf(current) + direction;
  openTab(shown[(place + shown.length) % shown.length]);
  button(current).focus();
}

/** Alt+1 and so on open the tabs. */
function shortcut(event) {
  if (!event.altKey || event.ctrlKey || event.metaKey) return;
  const shown = TABS.filter((tab) => !isFixed(tab));
  const tab = shown[Number(event.code.replace("Digit", "")) - 1];
  if (!tab) return;
  event.preventDefault();
  openTab(tab);
}

/** Make them work, and show the one of the address. */
export function buildTabs() {
  for (const tab of TABS) button(tab).addEventListener("click", () => openTab(tab));
  $("tabs").addEventListener("keydown", step);
  addEventListener("keydown", shortcut);
  addEventListener("hashchange", show);
  for (const query of [wide, medium]) query.addEventListener("change", rearrange);
  show();
}
