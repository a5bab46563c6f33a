// The objects of a bucket: a folder with its uploads, and one object.

import { addressOf } from "./data-address.js";
import { table, when, whole } from "./data-views.js";
import { $, announce, count, make, send, showMessage } from "./dom.js";
import { choose, droppable } from "./files.js";
import { command } from "./widgets.js";

const MEGABYTE = 1024 * 1024;
const MAX_PICTURE = 32 * MEGABYTE; // what X takes; the page makes none smaller of a larger one
let uploaded = null; // the command that does what was done last, and where

const pathOf = (place, way, query) =>
  `/data/${encodeURIComponent(place.id)}/${way}?${new URLSearchParams(query)}`;
const picture = (place, { key, etag }, size) =>
  pathOf(place, "picture", { key, etag, ...(size ? { size } : {}) });

function bytes(size) {
  if (size < 1024) return `${size} B`;
  if (size < MEGABYTE) return `${(size / 1024).toFixed(1)} KB`;
  return `${(size / MEGABYTE).toFixed(1)} MB`;
}

// --- A folder --------------------------------------------------------------------------------

/** The folders and objects below a prefix. */
export function drawFolder({ place, key: prefix, answers, refresh }) {
  if (place.id === "RekognitionBucket" && prefix === "images/" && answers[0].objects.length) {
    send("/steps/images/seen").catch(() => {}); // step 7: the learner looks at the photos
  }
  const folders = answers.flatMap((answer) => answer.folders);
  const objects = answers.flatMap((answer) => answer.objects);
  const rows = [
    ...folders.map((folder) => folderRow(place, prefix, folder)),
    ...objects.map((object) => objectRow(place, prefix, object)),
  ];
  const numbers = [folders.length && count(folders.length, "folders")];
  numbers.push(objects.length && count(objects.length, "objects"));
  const shown = numbers.filter(Boolean).join(", ") || "It is empty.";
  return [
    uploadRow(place, prefix, refresh),
    make("p", { class: "faint" }, answers.at(-1).more ? `The first ${shown}:` : shown),
    rows.length ? table(["Name", "Size", "Time"], rows) : null,
  ];
}

function nameCell(href, name, thumbnail) {
  const image = thumbnail ? make("img", { src: thumbnail, alt: "", loading: "lazy" }) : null;
  image?.addEventListener("error", () => image.remove()); // it is no picture, whatever its name says
  const link = make("a", { href, class: "name", "data-focus": href }, image, name);
  return make("td", {}, link);
}

function folderRow(place, prefix, folder) {
  const name = folder.slice(prefix.length);
  return make("tr", {}, nameCell(addressOf(place.id, folder), name), make("td"), make("td"));
}

function objectRow(place, prefix, object) {
  const { key, size, at } = object;
  const shows = object.picture && size <= MAX_PICTURE;
  return make(
    "tr",
    {},
    nameCell(
      addressOf(place.id, key),
      key.slice(prefix.length),
      shows && picture(place, object, ""),
    ),
    make("td", { class: "number" }, bytes(size)),
    make("td", {}, when(at)),
  );
}

// --- Uploads ---------------------------------------------------------------------------------

function uploadRow(place, prefix, refresh) {
  const input = make("input", {
    id: "data-file",
    class: "hidden file",
    type: "file",
    multiple: true,
    "data-focus": "upload",
  });
  const store = async (files) => {
    await upload(place, prefix, files);
    await refresh();
  };
  choose(input, store);
  const isHere = uploaded?.place === place.id && uploaded?.prefix === prefix;
  const element = make(
    "div",
    { class: "upload" },
    make(
      "div",
      { class: "row" },
      input,
      make("label", { class: "button", for: "data-file" }, "Upload files"),
      make("span", { class: "faint" }, "or drop them here"),
    ),
    make("div", { id: "data-uploaded" }, isHere ? command(uploaded.command) : null),
  );
  droppable(element, store);
  return element;
}

async function upload(place, prefix, files) {
  showMessage("data-message", "");
  for (const file of files) {
    const key = prefix + file.name;
    try {
      const answer = await send(pathOf(place, "upload", { key }), { body: file });
      uploaded = { place: place.id, prefix, command: answer.command };
      announce(`${file.name} is uploaded.`);
      $("data-uploaded")?.replaceChildren(command(answer.command));
    } catch (error) {
      showMessage("data-message", error.message);
    }
  }
}

// --- An object -------------------------------------------------------------------------------

/** An object: as a picture, as text, or only to be saved. */
export function drawObject({ place, answers: [object] }) {
  const { key, size, at, type, kind, text, cut } = object;
  const name = key.split("/").pop();
  const save = { class: "button", href: pathOf(place, "download", { key }), download: name };
  const about = [bytes(size), type, new Date(at).toLocaleString([], { hour12: false })];
  return [
    make(
      "div",
      { class: "row" },
      make("a", { ...save, "data-focus": "save" }, "Download"),
      make("span", { class: "faint" }, about.filter(Boolean).join(" · ")),
    ),
    cut ? make("p", { class: "faint" }, "Only the beginning is shown.") : null,
    kind === "text" ? whole(name, text || "(empty)") : null,
    kind === "picture" ? pictureOf(place, object, name) : null,
    kind === "other" ? make("p", { class: "faint" }, "It is neither text nor a picture.") : null,
  ];
}

function pictureOf(place, object, name) {
  const image = make("img", { class: "picture", src: picture(place, object, "large"), alt: name });
  image.addEventListener("error", () => {
    image.replaceWith(make("p", { class: "faint" }, "The picture cannot be shown."));
  });
  return image;
}
