// A picture with boxes around its faces.

import { make } from "./dom.js";

/** Fill an element with a picture, and the boxes of faces over it. */
export function frame(element, source, alt, boxes) {
  const image = make("img", { src: source, alt });
  element.replaceChildren(
    image,
    ...boxes.map(({ box, label, unmatched }) => {
      const low = box.Top + box.Height > 0.86;
      const face = make("div", { class: `face ${unmatched ? "unmatched" : ""} ${low ? "low" : ""}` });
      for (const [name, value] of Object.entries({ left: box.Left, top: box.Top, width: box.Width, height: box.Height })) {
        face.style[name] = `${value * 100}%`;
      }
      if (label) face.append(make("span", {}, label));
      return face;
    }),
  );
  image.addEventListener("error", () => element.replaceChildren(make("p", { class: "faint" }, "The picture cannot be shown.")));
}
