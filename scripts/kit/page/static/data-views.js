// The table, the queue, the topic, a log and a secret; and the tables in which all of them are.

import { addressOf } from "./data-address.js";
import { clock, count, json, make, percent, send, showMessage } from "./dom.js";
import { toast } from "./widgets.js";

/** A table with a heading for each column. */
export const table = (heads, rows, style) =>
  make(
    "table",
    { class: style },
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...rows),
  );

const row = (...cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));

/** A moment in the time of this browser; of today without the date. */
export function when(at) {
  const moment = new Date(at);
  const today = moment.toDateString() === new Date().toDateString();
  const date = today ? "" : `${moment.toLocaleDateString([], { dateStyle: "medium" })}, `;
  return make("time", { datetime: at }, date + clock(at));
}

/** A whole text, which can be scrolled by keyboard. */
export function whole(label, text) {
  const attributes = { tabindex: "0", role: "group", "aria-label": label, "data-focus": label };
  return make("pre", attributes, text);
}

// --- The table -------------------------------------------------------------------------------

/** The columns that the workshop is about; a row leads to the whole item. */
export function drawTable({ place, answers }) {
  const rows = answers.flatMap((answer) => answer.rows);
  const first = answers.at(-1).more ? "The first " : "";
  const about = make("p", { class: "faint" }, `${first}${count(rows.length, "items")}`);
  return [
    about,
    rows.length
      ? table(
          ["media_key", "text", "outcome", "similarity"],
          rows.map((item) => itemRow(place, item)),
          "items",
        )
      : null,
  ];
}

function itemRow(place, { media_key: key, text, outcome, similarity }) {
  const href = addressOf(place.id, key);
  const link = make("a", { href, "data-focus": href }, key);
  const compared = similarity === "" || Number.isNaN(Number(similarity));
  return row(link, text, outcome, compared ? similarity : percent(Number(similarity)));
}

/** A whole item, and its photo. */
export function drawItem({ key, answers: [item] }) {
  const source = `/photos/${encodeURIComponent(key)}?from=s3`;
  const href = addressOf("RekognitionBucket", `images/${key}.jpg`);
  const image = make("img", {
    class: "picture small",
    src: source,
    alt: "The photo in the bucket",
  });
  const photo = item.photo ? make("a", { href, "data-focus": "photo" }, image) : null;
  return [photo, whole(key, item.text)];
}

// --- The queue -------------------------------------------------------------------------------

/** The failed events, each with a button that gives it back to its function. */
export function drawQueue({ answers, refresh }) {
  const rows = answers.flatMap((answer) => answer.rows);
  if (!rows.length) {
    return [make("p", { class: "faint" }, "It is empty: nothing failed three times.")];
  }
  const redrive = (which) => sendAgain(which, refresh);
  const number = count(rows.length, "messages");
  const about = `${number}. Reading leaves them in the queue. Fix the cause first, then redrive:`;
  return [
    make(
      "div",
      { class: "row" },
      make(
        "button",
        { type: "button", "data-focus": "all", onclick: () => redrive({}) },
        "Redrive all",
      ),
      make("span", { class: "faint" }, about, " "),
      make("code", {}, "python scripts/workshop.py redrive"),
    ),
    make("ul", { class: "messages" }, ...rows.map((one) => failedEvent(one, redrive))),
  ];
}

function failedEvent({ id, at, function: name, keys, error, sendable, text }, redrive) {
  const attributes = { type: "button", "data-focus": id, onclick: () => redrive({ message: id }) };
  const title = sendable ? `${name}: ${keys.join(", ")}` : `Message ${id}`;
  return make(
    "li",
    {},
    make(
      "div",
      { class: "row spread" },
      make("b", {}, title),
      sendable
        ? make("button", { ...attributes, "aria-label": `Redrive ${title}` }, "Redrive")
        : null,
    ),
    make("p", {}, when(at), " ", make("span", { class: "bad-text" }, error)),
    make(
      "details",
      { "data-key": id },
      make("summary", { "data-focus": `whole ${id}` }, "Whole message"),
      whole(id, text),
    ),
  );
}

async function sendAgain(which, refresh) {
  showMessage("data-message", "");
  try {
    const { text, staying = [] } = await send("/queue/redrive", json(which));
    toast(text);
    await refresh();
    showMessage("data-message", staying.join("; "));
  } catch (error) {
    showMessage("data-message", error.message);
  }
}

// --- The topic, a log, a secret --------------------------------------------------------------

/** The subscriptions, and the mails that were sent. */
export function drawTopic({ answers }) {
  const subscriptions = answers.flatMap((answer) => answer.rows);
  const { mails } = answers[0];
  const state = (confirmed) => (confirmed ? "confirmed" : "waits for its confirmation");
  const rows = subscriptions.map(({ endpoint, protocol, confirmed }) =>
    row(`${endpoint} (${protocol})`, state(confirmed)),
  );
  const sent = mails.map((mail) => row(when(mail.sent), mail.to, mail.subject));
  return [
    make("h4", {}, "Subscriptions"),
    rows.length
      ? table(["Endpoint", "State"], rows)
      : make("p", { class: "faint" }, "There is none."),
    make("h4", {}, "Mails sent"),
    sent.length
      ? table(["Time", "To", "Subject"], sent)
      : make("p", { class: "faint" }, "None yet: the first match sends one."),
    make("p", {}, make("a", { href: "#/mail", "data-focus": "mail" }, "Read them in the tab Mail")),
  ];
}

/** The newest lines of a log; the last one is the newest. */
export function drawLog({ place, answers }) {
  const lines = answers.toReversed().flatMap((answer) => answer.rows);
  if (!lines.length) return [make("p", { class: "faint" }, "It has no line yet.")];
  const text = lines.map(({ at, text: line }) => `${clock(at)}  ${line}`).join("\n");
  const pre = whole(place.id, text);
  if (answers.length === 1) pre.classList.add("end");
  return [make("p", { class: "faint" }, `The newest ${count(lines.length, "lines")}:`), pre];
}

/** What a secret is called. */
export function drawSecret({ answers: [{ rows }] }) {
  const about =
    "This page never reads the value of a secret. The streamer does, with the role of its instance.";
  return [
    table(
      ["Name", "Description", "Changed"],
      rows.map(({ name, description, changed }) =>
        row(name, description, changed && when(changed)),
      ),
    ),
    make("p", { class: "faint" }, about),
  ];
}
