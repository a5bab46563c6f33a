// The tab Data: at the left what there is, at the right what is in it. It is loaded when the tab is
// first opened. What a terminal changes appears here, too: the open view is read again and again.

import { addressOf, parseAddress } from "./data-address.js";
import { drawFolder, drawObject } from "./data-buckets.js";
import { drawItem, drawLog, drawQueue, drawSecret, drawTable, drawTopic } from "./data-views.js";
import { $, changed, forget, make, openDetails, redraw, showMessage } from "./dom.js";
import { store } from "./state.js";
import { isOpen } from "./tabs.js";
import { command } from "./widgets.js";

const REFRESH_SECONDS = 3;
const NEAR_THE_END = 4; // pixels
const SOON_MILLISECONDS = 200; // an outcome is written shortly after what is counted
const KINDS = {
  bucket: "Buckets",
  table: "Table",
  queue: "Queue",
  topic: "Topic",
  log: "Logs",
  secret: "Secrets, by name",
};
// By kinds: what draws a view, and what draws one thing that is in it.
const VIEWS = {
  bucket: drawFolder,
  table: drawTable,
  queue: drawQueue,
  topic: drawTopic,
  log: drawLog,
  secret: drawSecret,
};
const ONES = { bucket: drawObject, table: drawItem };
let shown = null; // the open address: {place, key}
let last = ""; // the same, to come back to
let answers = []; // of the view, one more with each "more"
let showsCommand = true;
let styled = null; // the promise that the style is there
let reading = Promise.resolve(); // the end of what is read now
let refreshing = false; // whether a refresh waits for its turn

/** Show what the address names; without a place, what was open last. */
export async function open() {
  await styled;
  const wanted = parseAddress(location.hash);
  if (!wanted.place && last) {
    history.replaceState(null, "", last);
    Object.assign(wanted, parseAddress(last));
  }
  if (wanted.place === shown?.place && wanted.key === shown.key) return refresh();
  shown = wanted;
  last = location.hash;
  answers = [];
  forget("data");
  showMessage("data-message", "");
  $("data-view").replaceChildren(make("p", { class: "faint" }, "Reading …"));
  await refresh();
  if (document.activeElement === document.body) $("data-heading")?.focus();
}

/** Read one after the other: what is read again must not undo a "more" that is on its way. */
function inTurn(act) {
  reading = reading.then(async () => {
    const wanted = shown;
    try {
      await act(wanted);
    } catch (error) {
      if (wanted === shown) drawError(error.message);
    }
  });
  return reading;
}

/** Read the open view again, once for all who ask meanwhile; not if "more" of it is shown. */
function refresh() {
  if (refreshing) return reading;
  refreshing = true;
  return inTurn(async (wanted) => {
    refreshing = false;
    if (wanted && isOpen("data") && !document.hidden && answers.length <= 1) await read(wanted);
  });
}

/** Read the first rows again, also if more are shown: something was done here. */
function reload() {
  answers = [];
  return refresh();
}

/** Read it again soon, when the stack or the number of things in a stage has changed. */
export function draw() {
  const { stack, stages } = store.state;
  const counts = Object.values(stages).map((stage) => stage.count);
  if (changed("news for the data", [stack, counts])) setTimeout(refresh, SOON_MILLISECONDS);
}

async function read(wanted) {
  const places = await ask("/data");
  drawPlaces(places);
  if (wanted !== shown) return;
  if (!wanted.place && places.length) {
    const { id } = places.find((place) => place.id === "RekognitionBucket") || places[0];
    location.replace(addressOf(id));
    return;
  }
  if (!wanted.place) throw new Error("There is no stack and no bucket yet: launch it, step 3.");
  const answer = await ask(pathOf(wanted, ""));
  if (wanted !== shown) return;
  answers = [answer];
  drawView();
}

async function ask(path) {
  const answer = await fetch(path).catch(() => {
    throw new Error("The workshop does not answer. Is it still running in the terminal?");
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error || `The workshop answered ${answer.status}.`);
  return body;
}

/** Whether the address is that of a view, and not of one thing in it. */
const isView = ({ key }) => !key || key.endsWith("/");

function pathOf(wanted, after) {
  const path = `/data/${encodeURIComponent(wanted.place)}`;
  const { key } = wanted;
  if (!isView(wanted)) return `${path}/one?${new URLSearchParams({ key })}`;
  return `${path}?${new URLSearchParams({ prefix: key, after })}`;
}

/** Read on, and put the focus on what is new. */
const more = () => inTurn(readMore);

async function readMore(wanted) {
  const rows = () => $("data-view").querySelectorAll("tbody tr");
  const before = rows().length;
  const answer = await ask(pathOf(wanted, answers.at(-1).more));
  if (wanted !== shown) return;
  answers.push(answer);
  drawView();
  rows()[before]?.querySelector("a")?.focus();
  if (document.activeElement === document.body) $("data-heading").focus();
}

// --- Drawing ---------------------------------------------------------------------------------

function drawPlaces(places) {
  if (!changed("places of the data", [places, shown.place])) return;
  const groups = Object.entries(KINDS).map(([kind, title]) => {
    const links = places.filter((place) => place.kind === kind).map(placeLink);
    return links.length ? make("div", {}, make("h3", {}, title), make("ul", {}, ...links)) : null;
  });
  redraw($("data-places"), groups.filter(Boolean));
}

function placeLink({ id, name }) {
  const open = id === shown.place || name === shown.place;
  const attributes = { href: addressOf(id), title: name, "data-focus": id };
  return make("li", {}, make("a", { ...attributes, "aria-current": open ? "page" : null }, id));
}

function drawView() {
  if (!changed("data", [shown, answers])) return;
  const { place, command: text } = answers[0];
  const { kind } = place;
  const drawParts = isView(shown) ? VIEWS[kind] : ONES[kind];
  const isLog = kind === "log";
  const next = readOn(isLog ? "Show older lines" : "Show more");
  const parts = drawParts({ place, key: shown.key, answers, refresh: reload });
  const view = $("data-view");
  const [wasOpen, scrolled] = [openDetails(view), scrollPlace(view)];
  redraw(
    view,
    [path(place), asCommand(text), isLog && next, ...parts, !isLog && next].filter(Boolean),
  );
  for (const details of view.querySelectorAll("details[data-key]")) {
    details.open = Boolean(wasOpen.get(details.dataset.key));
  }
  const log = view.querySelector("pre.end");
  if (log) log.scrollTop = scrolled ?? log.scrollHeight;
}

/** How far somebody has scrolled up in a log; null: not at all, or there is none. */
function scrollPlace(view) {
  const log = view.querySelector("pre.end");
  if (!log || log.scrollTop + log.clientHeight > log.scrollHeight - NEAR_THE_END) return null;
  return log.scrollTop;
}

/** Where we are: the place, and the folders as links. */
function path(place) {
  const parts = shown.key.split(/(?<=\/)/).filter(Boolean);
  const links = parts.slice(0, -1).map((part, index) => {
    const href = addressOf(place.id, parts.slice(0, index + 1).join(""));
    return make("a", { href, "data-focus": `path ${index}` }, part);
  });
  const root = parts.length
    ? make("a", { href: addressOf(place.id), "data-focus": "path" }, place.id)
    : place.id;
  const name = place.name === place.id ? "" : make("span", { class: "faint" }, place.name);
  const slash = parts.length ? " / " : "";
  return make(
    "div",
    { class: "row" },
    make("h3", { id: "data-heading", tabindex: "-1" }, root, slash, ...links, parts.at(-1) || ""),
    name,
  );
}

function asCommand(text) {
  const toggled = ({ target }) => {
    showsCommand = target.open;
  };
  return make(
    "details",
    { open: showsCommand, ontoggle: toggled },
    make("summary", { "data-focus": "cli" }, "As AWS CLI"),
    command(text),
  );
}

/** Buttons that read what comes after; and, as that is not followed, the beginning again. */
function readOn(text) {
  const buttons = [
    answers.at(-1).more && ["more", more, text],
    answers.length > 1 && ["again", reload, "Read again"],
  ].filter(Boolean);
  const note = "What is new does not appear by itself while so much is shown.";
  return make(
    "div",
    { class: "row", hidden: !buttons.length },
    ...buttons.map(([key, onclick, label]) =>
      make("button", { type: "button", "data-focus": key, onclick }, label),
    ),
    answers.length > 1 ? make("span", { class: "faint" }, note) : null,
  );
}

function drawError(message) {
  answers = [];
  if (!changed("data", message)) return;
  $("data-view").replaceChildren(
    make("h3", { id: "data-heading", tabindex: "-1" }, shown.key || shown.place || "Data"),
    make("p", { class: "message", role: "alert" }, message),
  );
}

// --- The first time --------------------------------------------------------------------------

/** Make the frame, load the style, and begin to read again and again. */
export function build() {
  const style = make("link", { rel: "stylesheet", href: "/data.css" });
  styled = new Promise((done) => style.addEventListener("load", done));
  document.head.append(style);
  $("data").append(
    make(
      "div",
      { class: "data" },
      make("nav", { id: "data-places", "aria-label": "What there is" }),
      make(
        "div",
        { class: "data-column" },
        make("p", { id: "data-message", class: "message", role: "alert", hidden: true }),
        make("div", { id: "data-view" }),
      ),
    ),
  );
  setInterval(refresh, 1000 * REFRESH_SECONDS);
}
