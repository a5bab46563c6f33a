// Small parts that several parts of the page use.

import { announce, hidden, make } from "./dom.js";

/** A command to type in the terminal, with a button that copies it. */
export function command(text) {
  const button = make("button", { type: "button", "data-focus": `copy ${text}` }, "Copy");
  button.append(hidden(` ${text.split("\n")[0]}`));
  button.addEventListener("click", async () => {
    const select = () => getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(text);
      button.firstChild.textContent = "Copied";
      announce("Copied.");
    } catch {
      select();
      button.firstChild.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => (button.firstChild.textContent = "Copy"), 2500);
  });
  const code = make("code", {}, text);
  return make(
    "div",
    { class: "command" },
    make("pre", { tabindex: "0", "aria-label": "Command" }, code),
    button,
  );
}

/** Fill an element with a picture, and the boxes of faces over it. */
export function imageWithBoxes(element, source, alt, boxes) {
  const image = make("img", { src: source, alt });
  element.replaceChildren(
    image,
    ...boxes.map(({ box, label, unmatched }) => {
      const low = box.Top + box.Height > 0.86;
      const face = make("div", {
        class: `face ${unmatched ? "unmatched" : ""} ${low ? "low" : ""}`,
      });
      for (const [name, value] of Object.entries({
        left: box.Left,
        top: box.Top,
        width: box.Width,
        height: box.Height,
      })) {
        face.style[name] = `${value * 100}%`;
      }
      if (label) face.append(make("span", {}, label));
      return face;
    }),
  );
  image.addEventListener("error", () =>
    element.replaceChildren(make("p", { class: "faint" }, "The picture cannot be shown.")),
  );
}
