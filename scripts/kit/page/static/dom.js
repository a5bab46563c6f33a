// Elements: make them and change them; and how numbers, times and texts are written.

const drawn = new Map(); // part → what was drawn last, as JSON: nothing is drawn again in vain

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

/** A text in which a line may break before the last word of a name: there is an invisible space. */
export const breakable = (text) =>
  text.replaceAll(/(?<=[a-z])(LambdaFunction|Console|Editor)/g, "\u200b$1");

/** Text for screen readers only. */
export const hidden = (text) => make("span", { class: "hidden" }, text);

export const clock = (iso) => (iso ? new Date(iso).toLocaleTimeString([], { hour12: false }) : "");
const MOMENTS = /^\d{4}-\d\d-\d\dT[\d:.]+Z/gm;
/** A text whose lines begin with moments in UTC: with the time of this browser instead. */
export const withLocalTimes = (text) => text.replaceAll(MOMENTS, clock);
export const percent = (value) => `${value >= 99.995 ? 100 : value.toFixed(value < 99 ? 1 : 2)} %`;
export const count = (number, nouns) =>
  `${number.toLocaleString("en")} ${number === 1 ? nouns.replace(/s$/, "") : nouns}`;
export const short = (text, length) =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

const KEPT_NEWS = 8;
/** Let screen readers read a text out, after those that came before. */
export function announce(text) {
  $("news").append(make("p", {}, text));
  if ($("news").children.length > KEPT_NEWS) $("news").firstElementChild.remove();
}

/** Show a message, or hide it if it is empty. */
export function showMessage(id, message) {
  $(id).textContent = message;
  $(id).hidden = !message;
}

/** Replace the children of an element, and keep the focus where it was. */
export function redraw(parent, children) {
  keepFocus(parent, () => {
    parent.replaceChildren(...children);
    return parent;
  });
}

/** Draw an element anew; if the focus was in it, it goes to the same place in the new one. */
export function keepFocus(element, draw) {
  const key = element.contains(document.activeElement) && document.activeElement.dataset.focus;
  const fresh = draw();
  if (key) fresh.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus();
}

/** Which <details> in an element are open, by their data-key. */
export function openDetails(parent) {
  const details = [...parent.querySelectorAll("details")];
  return new Map(details.map((one) => [one.dataset.key, one.open]));
}

/** Whether a part has changed since it was drawn. */
export function changed(part, value) {
  const json = JSON.stringify(value);
  if (drawn.get(part) === json) return false;
  drawn.set(part, json);
  return true;
}

/** Draw a part again, whatever it was. */
export const forget = (part) => drawn.delete(part);

/** What `send` sends as JSON. */
export const json = (body) => ({
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

/** POST to the workshop; return its answer, or throw an error with its message. */
export async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", ...options });
  } catch {
    throw new Error("The workshop does not answer. Is it still running in the terminal?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new Error(body.error || `The workshop answered ${answer.status}.`);
    throw Object.assign(error, { status: answer.status });
  }
  return body;
}
