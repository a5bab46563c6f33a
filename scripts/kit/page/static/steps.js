// The steps: which are done, which comes next, and what to do for it.

import { $, changed, hidden, make, redraw } from "./dom.js";
import { store } from "./state.js";
import { command } from "./widgets.js";

const LINKS = {
  4: ["#mail", "Go to the mail"],
  6: ["#x", "Write a post"],
  7: ["#pipeline", "Go to the pipeline"],
  8: ["#reference", "Go to the reference photo"],
  11: ["#x", "Write a post"],
};

let shownStep = null; // the title of the step whose text is shown; null: the next one
const stepName = (step) => (step.number ? `${step.number}. ${step.title}` : step.title);

export function drawSteps() {
  const { state } = store;
  if (!changed("steps", [state.steps, shownStep])) return;
  const done = state.steps.filter((step) => step.done).length;
  const next = state.steps.find((step) => step.next);
  const shown = state.steps.find((step) => step.title === shownStep) || next;
  $("steps-summary").textContent = next
    ? `${done} of ${state.steps.length} done. Each is ticked when the services show it.`
    : "All done, and nothing is left. Well done!";
  redraw(
    $("step-list"),
    state.steps.map((step) => {
      const mark = step.done ? "✓" : step.next ? "→" : "";
      const word = step.done ? "Done: " : step.next ? "Next: " : "To do: ";
      return make(
        "li",
        { class: `step ${step.done ? "done" : ""} ${step.next ? "next" : ""}` },
        make(
          "button",
          {
            type: "button",
            "data-focus": `step ${step.title}`,
            "aria-current": step.next ? "step" : null,
            "aria-pressed": String(step === shown),
            "aria-controls": "step-body",
            onclick: () => {
              shownStep = step.next ? null : step.title;
              drawSteps();
            },
          },
          make("span", { class: "mark", "aria-hidden": "true" }, mark),
          make("span", {}, hidden(word), stepName(step)),
        ),
      );
    }),
  );
  const body = $("step-body");
  body.hidden = !shown;
  if (!shown || !changed("step", shown)) return;
  const heading = make("h3", { id: "step-heading" }, shown.next ? "Next: " : "", stepName(shown));
  const children = [heading, make("p", {}, shown.note)];
  const link = LINKS[shown.number];
  if (link) children.push(make("p", {}, make("a", { href: link[0] }, link[1])));
  redraw(body, [...children, ...shown.commands.map(command)]);
}
