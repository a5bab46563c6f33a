// Making and changing elements, and how things are written.

const drawn = {}; // what was drawn last, as JSON, so that nothing is drawn again in vain

export const $ = (id) => document.getElementById(id);

/** Make an element: attributes, and children that are elements or text. Nothing is read as HTML. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The same for SVG. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const hidden = (text) => make("span", { class: "hidden" }, text);
export const clock = (iso) => (iso ? new Date(iso).toLocaleTimeString([], { hour12: false }) : "");
export const percent = (value) => `${value >= 99.995 ? 100 : value.toFixed(value < 99 ? 1 : 2)} %`;
export const count = (number, nouns) =>
  `${number.toLocaleString("en")} ${number === 1 ? nouns.replace(/s$/, "") : nouns}`;
export const short = (text, length) =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** Tell it to who cannot see the page. */
export function announce(text) {
  $("news").textContent = text;
}

/** Show a message, or hide it. */
export function complain(id, text) {
  $(id).textContent = text;
  $(id).hidden = !text;
}

/** Replace the children of an element, and keep the focus where it was. */
export function redraw(parent, children) {
  const key = parent.contains(document.activeElement) && document.activeElement.dataset.focus;
  parent.replaceChildren(...children);
  if (key) parent.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus();
}

/** Say whether a part has changed since it was drawn. */
export function changed(part, value) {
  const json = JSON.stringify(value);
  if (drawn[part] === json) return false;
  drawn[part] = json;
  return true;
}

/** Draw a part again, whatever it was. */
export const forget = (part) => delete drawn[part];

/** Ask for something to be done. */
export async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", ...options });
  } catch {
    throw new Error("The workshop does not answer. Is it still running in the terminal?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || `The workshop answered ${answer.status}.`);
  return body;
}
