// Photos from files and samples: which can be used, and how they are chosen or dropped.

import { SAMPLES } from "./constants.js";
import { make } from "./dom.js";

const MEGABYTE = 1024 * 1024;
const STARTS = { JPEG: /^\xff\xd8\xff/, PNG: /^\x89PNG/, GIF: /^GIF8/, WebP: /^RIFF.{4}WEBP/s };

/** Only the last part of a file's name, and not all of a long one. */
export const shortName = (name) => name.split(/[/\\]/).pop().slice(-60);

/** A message if a service cannot use a file; empty if it can. */
export async function fileError(file, { service, bytes, formats }) {
  const name = `“${shortName(file.name)}”`;
  if (file.size > bytes) {
    const [size, limit] = [Math.round(file.size / MEGABYTE), bytes / MEGABYTE];
    const rule = `${service} takes photos of up to ${limit} MB`;
    return `${name} has ${size} MB, and ${rule}. Choose a smaller one.`;
  }
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  if (formats.some((format) => STARTS[format].test(start))) return "";
  return `${name} is not a photo that can be taken: its content is not ${formats.join(", ")}.`;
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

/** Call an action with the files that are chosen. */
export function choose(input, action) {
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    await action(files);
  });
}
