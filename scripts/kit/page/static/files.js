// Photos from files and samples: which can be taken, and how they are chosen or dropped.

import { make } from "./dom.js";

const MEGABYTE = 1024 * 1024;
export const LIMITS = { post: 32, reference: 15 }; // megabytes
const SAMPLES = ["obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "landscape.jpg"];

/** Only the last part of a file's name, and not all of a long one. */
export const shortName = (name) => name.split(/[/\\]/).pop().slice(-60);

/** Why a file cannot be taken, in a sentence; empty if it can. */
export async function refusal(file, limit, kinds) {
  const name = `“${shortName(file.name)}”`;
  const size = Math.round(file.size / MEGABYTE);
  if (file.size > limit * MEGABYTE) {
    const who = limit === LIMITS.post ? "X takes photos" : "Rekognition takes photos";
    return `${name} has ${size} MB, and ${who} of up to ${limit} MB. Choose a smaller one.`;
  }
  const start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...start);
  const kind =
    (text.startsWith("\xff\xd8\xff") && "JPEG") ||
    (text.startsWith("\x89PNG") && "PNG") ||
    (text.startsWith("GIF8") && "GIF") ||
    (text.startsWith("RIFF") && text.slice(8) === "WEBP" && "WebP");
  if (!kinds.includes(kind)) {
    return `${name} is not a photo that can be taken: its content is not ${kinds.join(", ")}.`;
  }
  return "";
}

/** A row of sample pictures as buttons. */
export function sampleButtons(action) {
  return SAMPLES.map((name) =>
    make(
      "button",
      { type: "button", title: name, onclick: () => action(name) },
      make("img", { src: `/samples/${name}`, alt: `Sample ${name}`, loading: "lazy" }),
    ),
  );
}

/** Let files be dropped on an element. */
export function droppable(element, action) {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("over");
  });
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    action([...event.dataTransfer.files]);
  });
}

/** Do something with the files that are chosen. */
export function choose(input, action) {
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    await action(files);
  });
}
