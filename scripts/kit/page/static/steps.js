// The steps: which are done, which comes next, and how to do it.

import { $, announce, changed, forget, hidden, make, redraw } from "./dom.js";
import { store } from "./state.js";
import { command } from "./widgets.js";

// By the ids of steps: the part of the page where they are done.
const LINKS = {
  launch: { href: "#/launch", text: "Launch it on this page" },
  stream: { href: "#/streamer", text: "Start it on this page" },
  "clean-up": { href: "#/launch", text: "Delete the stack on this page" },
  confirm: { href: "#/mail", text: "Go to the mail" },
  tweet: { href: "#/x", text: "Write a post" },
  images: { href: "#/data/RekognitionBucket/images/", text: "Look at the photos" },
  reference: { href: "#/compare", text: "Go to the reference photo" },
  editor: { href: "#/code", text: "Open the editor" },
  exercise: { href: "#/code", text: "Open the editor" },
  match: { href: "#/x", text: "Write a post" },
};

let texts = {}; // by the ids of steps
let announcedId = null; // of the step that came next before
let shownId = null; // of the step whose text is shown; null: the next one

export function drawSteps() {
  const { steps } = store.state;
  if (!changed("steps", [steps, shownId])) return;
  const done = steps.filter((step) => step.done).length;
  const next = steps.find((step) => step.next);
  const shown = steps.find((step) => step.id === shownId) || next;
  $("steps-summary").textContent = next
    ? `${done} of ${steps.length} done. Each is ticked when the services show it.`
    : "All done, and nothing is left. Well done!";
  redraw(
    $("step-list"),
    steps.map((step) => stepItem(step, step === shown)),
  );
  if (next && announcedId && next.id !== announcedId) announce(`Next: ${stepName(next)}`);
  announcedId = next?.id;
  $("step-body").hidden = !shown;
  if (shown && changed("step", shown)) redraw($("step-body"), stepText(shown));
}

const stepName = (step) => (step.number ? `${step.number}. ${step.title}` : step.title);

/** How far a step is: its style, its mark, and the same in words for screen readers. */
function progress(step) {
  if (step.done) return { style: "done", mark: "✓", word: "Done: " };
  if (step.next) return { style: "next", mark: "→", word: "Next: " };
  return { style: "", mark: "", word: "To do: " };
}

function stepItem(step, isShown) {
  const { style, mark, word } = progress(step);
  const show = () => {
    shownId = step.next ? null : step.id;
    drawSteps();
  };
  const button = make(
    "button",
    {
      type: "button",
      "data-focus": `step ${step.id}`,
      "aria-current": step.next ? "step" : null,
      "aria-pressed": String(isShown),
      "aria-controls": "step-body",
      onclick: show,
    },
    make("span", { class: "mark", "aria-hidden": "true" }, mark),
    make("span", {}, hidden(word), stepName(step)),
  );
  return make("li", { class: `step ${style}` }, button);
}

function stepText(step) {
  const link = LINKS[step.id];
  return [
    make("h3", { id: "step-heading" }, step.next ? "Next: " : "", stepName(step)),
    make("p", {}, step.note),
    ...(link ? [make("p", {}, make("a", { href: link.href }, link.text))] : []),
    ...step.commands.map(command),
    texts[step.id] ? make("details", {}, make("summary", {}, "In full"), ...fullText(step)) : null,
  ].filter(Boolean);
}

/** The step's part of Instructions.md. */
function fullText(step) {
  return texts[step.id].map(({ kind, parts }) => {
    if (kind === "command") return command(parts[0].text);
    if (kind === "output") return make("pre", { tabindex: "0" }, parts[0].text);
    return make("p", {}, ...parts.map(textPart));
  });
}

function textPart({ kind, text, href }) {
  if (kind === "link") return make("a", { href, rel: "noreferrer", target: "_blank" }, text);
  return kind ? make(kind, {}, text) : text;
}

/** Read the text of the steps. */
export async function buildSteps() {
  texts = await (await fetch("/steps")).json();
  forget("step");
  forget("steps");
  if (store.state) drawSteps();
}
