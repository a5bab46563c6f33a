// A command to type in the terminal, with a button that copies it.

import { announce, hidden, make } from "./dom.js";

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
  return make("div", { class: "command" }, make("pre", { tabindex: "0", "aria-label": "Command" }, code), button);
}
