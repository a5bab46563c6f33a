// Small parts that several parts of the page use.

import { $, announce, hidden, make } from "./dom.js";

const COPIED_MILLISECONDS = 2500; // that a button tells what it has done
const TOAST_MILLISECONDS = 6000;
const MAX_TOASTS = 3;
const LOW = 0.86; // of the picture's height: a label below this would be outside

/** A command to type in the terminal, with a button that copies it. */
export function command(text) {
  const code = make("code", {}, text);
  const label = new Text("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = "Copied";
      announce("Copied.");
    } catch {
      getSelection().selectAllChildren(code);
      label.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => {
      label.textContent = "Copy";
    }, COPIED_MILLISECONDS);
  };
  const attributes = { type: "button", "data-focus": `copy ${text}`, onclick: copy };
  return make(
    "div",
    { class: "command" },
    make("pre", { tabindex: "0", "aria-label": "Command" }, code),
    make("button", attributes, label, hidden(` ${text.split("\n")[0]}`)),
  );
}

/** Show a message for a moment, with pictures; it is read out, too. */
export function toast(text, ...sources) {
  const images = sources.map((src) => make("img", { src, alt: "" }));
  const element = make("div", { class: "toast" }, ...images, make("b", {}, text));
  $("toasts").append(element);
  while ($("toasts").children.length > MAX_TOASTS) $("toasts").firstElementChild.remove();
  setTimeout(() => element.remove(), TOAST_MILLISECONDS);
  announce(text);
}

/** Fill an element with a picture, and the boxes of faces over it. */
export function imageWithBoxes(element, source, alt, boxes) {
  const image = make("img", { src: source, alt });
  image.addEventListener("error", () => {
    element.replaceChildren(make("p", { class: "faint" }, "The picture cannot be shown."));
  });
  element.replaceChildren(image, ...boxes.map(faceBox));
}

/** A box as Rekognition describes it, in shares of the picture's sides. */
function faceBox({ box: { Left, Top, Width, Height }, label, unmatched }) {
  const style = `${unmatched ? "unmatched" : ""} ${Top + Height > LOW ? "low" : ""}`;
  const face = make("div", { class: `face ${style}` }, make("span", {}, label));
  const sides = { left: Left, top: Top, width: Width, height: Height };
  for (const [side, share] of Object.entries(sides)) face.style[side] = `${share * 100}%`;
  return face;
}
