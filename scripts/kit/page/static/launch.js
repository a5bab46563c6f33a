// The stack: a form from the template launches it; its events, outputs, updates and end.

import {
  $,
  announce,
  breakable,
  changed,
  clock,
  count,
  json,
  make,
  send,
  showMessage,
} from "./dom.js";
import { store } from "./state.js";
import { isOpen } from "./tabs.js";
import { command } from "./widgets.js";

const PAUSE = 500; // milliseconds between two looks at a stack that changes
const KEPT = "the offline X's, kept here";
let form = null; // as the template has it; null: to be read
let mode = "launch"; // or "update"
let formOpen = true; // whether the form is to be seen
let looking = false;

const read = async (path) => (await fetch(path)).json();
const isChanging = () => store.state?.stack?.status.endsWith("_IN_PROGRESS");

/** Show the stack as it is now. */
export function open() {
  if (store.state) drawAll();
}

/** Draw again when the stack has changed. */
export function draw() {
  const { stack } = store.state;
  if (!changed("launch", stack)) return;
  if (!stack) {
    form = null;
    mode = "launch";
    formOpen = true;
  } else if (mode === "launch") formOpen = false;
  if (isOpen("launch")) drawAll();
}

async function drawAll() {
  drawStatus();
  if (formOpen) await drawForm();
  $("launch-form").hidden = !formOpen;
  await look();
}

/** Look at a stack again and again as long as it changes. */
async function look() {
  if (looking) return;
  looking = true;
  try {
    do {
      drawProgress(await read("/stack"));
      if (isChanging()) await new Promise((done) => setTimeout(done, PAUSE));
    } while (isChanging() && isOpen("launch"));
  } finally {
    looking = false;
  }
}

// --- What can be done ------------------------------------------------------------------------

function drawStatus() {
  const { stack } = store.state;
  const buttons = [];
  if (stack && !isChanging()) {
    if (/^(CREATE|UPDATE)_COMPLETE|UPDATE_ROLLBACK_COMPLETE$/.test(stack.status)) {
      buttons.push(make("button", { type: "button", onclick: startUpdate }, "Update"));
    }
    buttons.push(make("button", { type: "button", onclick: askToDelete }, "Delete"));
  }
  const text = stack ? `${stack.name}: ${stack.status}` : "There is no stack.";
  $("launch-status").replaceChildren(
    make("div", { class: "row" }, make("b", {}, text), ...buttons),
  );
  if (!stack && store.state.steps.at(-1).done) showWhatIsLeft();
}

async function startUpdate() {
  mode = "update";
  formOpen = true;
  form = null;
  await drawAll();
  $("launch-form").querySelector("input, select").focus(); // its button is gone
}

/** One question, which says what goes. */
async function askToDelete() {
  const { stack } = store.state;
  const contents = Object.entries(await read("/stack/contents"));
  const objects = contents.map(([bucket, number]) => `${bucket} with ${count(number, "objects")}`);
  const goes = objects.length ? `It empties and deletes ${objects.join(" and ")}.` : "";
  const stop = () => drawStatus();
  $("launch-status").replaceChildren(
    make("p", {}, `Delete the stack ${stack.name}, and all that it made? ${goes}`),
    command(`aws cloudformation delete-stack --stack-name ${stack.name}`),
    make(
      "div",
      { class: "row" },
      make("button", { type: "button", class: "primary", onclick: remove }, "Delete the stack"),
      make("button", { type: "button", onclick: stop }, "Keep it"),
    ),
  );
}

const remove = () => act("/stack/delete", {}, "The stack is being deleted.");

async function showWhatIsLeft() {
  const line = make("p", {});
  $("launch-status").append(line); // which may be drawn again before the answer comes
  const { name, left } = await read("/stack/left");
  const text = left.length
    ? `⚠ Left of ${name}: ${left.join(", ")}`
    : `✓ Nothing is left of ${name}: no bucket, function, table, queue, topic, role, secret or log.`;
  line.className = left.length ? "bad-text" : "good";
  line.append(text);
}

async function act(path, body, done) {
  showMessage("launch-message", "");
  try {
    await send(path, json(body));
    announce(done);
    formOpen = false;
    mode = "launch";
    setTimeout(drawAll, PAUSE);
  } catch (error) {
    showMessage("launch-message", error.message);
  }
}

// --- The form --------------------------------------------------------------------------------

async function drawForm() {
  if (form) return;
  const fresh = await read("/stack/form");
  if (form) return; // it is drawn already, and perhaps filled in
  form = fresh;
  const isUpdate = mode === "update";
  const name = {
    name: "stack-name",
    label: "Stack name",
    description: "In lower case, at most 23 characters: the buckets' names begin with it.",
    value: form.name,
    pattern: form.pattern,
    rule: "must be lower-case letters, digits and hyphens, at most 23.",
    choices: [],
  };
  const groups = isUpdate ? form.groups : [{ label: "Stack", fields: [name] }, ...form.groups];
  const tick = make("input", { type: "checkbox", id: "iam" });
  $("launch-form").replaceChildren(
    ...groups.map(({ label, fields }) =>
      make("fieldset", {}, make("legend", {}, label), ...fields.map(drawField)),
    ),
    make(
      "p",
      {},
      tick,
      make("label", { for: "iam" }, " CloudFormation may create IAM resources: the stack's roles."),
    ),
    make("div", { id: "changes" }),
    make("button", { class: "primary", type: "submit" }, isUpdate ? "Update" : "Launch"),
  );
}

function drawField(field) {
  const id = `field-${field.name}`;
  const options = field.choices.map((value) =>
    make("option", { value, selected: value === field.value }, value),
  );
  const attributes = {
    id,
    name: field.name,
    type: inputType(field),
    value: field.value,
    placeholder: field.hidden ? KEPT : null,
    autocomplete: "off",
    "aria-describedby": `${id}-text`,
    onblur: () => check(field),
  };
  const input = options.length
    ? make("select", { id, name: field.name }, ...options)
    : make("input", attributes);
  return make(
    "div",
    { class: "field" },
    make("label", { for: id }, field.label),
    input,
    make("span", { id: `${id}-text`, class: "faint" }, field.description),
    make("span", { id: `${id}-rule`, class: "rule", role: "alert" }),
  );
}

function inputType({ hidden, number }) {
  if (hidden) return "password";
  return number ? "number" : "text";
}

/**
 * Whether a value keeps the template's rule; if not, say so below the field.
 *
 * The attribute `pattern` would not do: browsers compile it with the flag v, for which [\w-] is an
 * error, and then they take everything (HTML Standard, section "The pattern attribute"; MDN, "HTML
 * attribute: pattern").
 */
function check(field) {
  const { name, pattern, hidden } = field;
  const { value } = $(`field-${name}`);
  const differs = pattern && !new RegExp(`^(?:${pattern})$`, "u").test(value);
  const isWrong = (differs || isOutside(field, value)) && !(hidden && !value);
  $(`field-${name}-rule`).textContent = isWrong ? `It ${ruleOf(field)}` : "";
  return !isWrong;
}

/** Whether a value is not among the numbers that a field takes. */
const isOutside = ({ number, least, most }, value) =>
  number &&
  (value === "" || Number(value) < (least ?? -Infinity) || Number(value) > (most ?? Infinity));

/** The template's own words, or else what CloudFormation would say. */
function ruleOf({ rule, number, least, most, pattern }) {
  return rule || (number ? `must be from ${least} to ${most}.` : `must match pattern ${pattern}.`);
}

async function submit(event) {
  event.preventDefault();
  const fields = form.groups.flatMap((group) => group.fields);
  const right = fields.map(check).every(Boolean);
  const value = (name) => $(`field-${name}`).value;
  if (!right) return;
  const iam = $("iam").checked;
  const parameters = Object.fromEntries(fields.map(({ name }) => [name, value(name)]));
  if (mode === "update") await update(fields, parameters, iam);
  else await act("/stack/create", { name: value("stack-name"), parameters, iam }, "Launched.");
}

/** Show what would change, old and new; the second click does it. */
async function update(fields, parameters, iam) {
  const differ = fields.filter(({ name, value, hidden }) =>
    hidden ? parameters[name] : parameters[name] !== value,
  );
  const text = differ.map(({ name, value, hidden }) =>
    hidden ? `${name}: another one` : `${name}: ${value || "empty"} → ${parameters[name]}`,
  );
  const shown = text.join("; ") || "Nothing changes.";
  if (!differ.length || $("changes").textContent !== shown) {
    $("changes").textContent = shown;
    announce(shown);
    return;
  }
  const values = Object.fromEntries(differ.map(({ name }) => [name, parameters[name]]));
  await act("/stack/update", { parameters: values, iam }, "The update has begun.");
}

// --- Events and outputs ----------------------------------------------------------------------

function drawProgress({ resources, failure, outputs }) {
  if (!changed("progress of the stack", [resources, failure, outputs])) return;
  const done = resources.filter(({ status }) => status.endsWith("_COMPLETE")).length;
  $("launch-progress").replaceChildren(
    failure ? make("p", { class: "message" }, `First failure: ${failure}`) : "",
    outputs?.length ? outputTable(outputs) : "",
    resources.length ? progressBar(done, resources.length) : "",
    resources.length ? eventTable(resources) : "",
  );
}

function progressBar(done, all) {
  const bar = make("progress", { max: all, value: done, "aria-label": "Resources" });
  return make("div", {}, bar, make("span", { class: "faint" }, `${done} of ${all} resources`));
}

const table = (heads, rows) =>
  make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)))),
    make("tbody", {}, ...rows),
  );

function eventTable(resources) {
  return table(
    ["Time", "Resource", "Status"],
    resources.map(({ at, id, type, status, reason }) =>
      make(
        "tr",
        {},
        make("td", {}, clock(at)),
        make("td", { title: type }, breakable(id)),
        make("td", { class: statusStyle(status) }, `${status} ${reason}`),
      ),
    ),
  );
}

function statusStyle(status) {
  if (status.endsWith("_FAILED")) return "bad-text";
  return status.endsWith("_COMPLETE") ? "good" : "";
}

/** An address of the console leads out of this computer: its place here takes its part. */
const isUrl = (text) => text.startsWith("https://");

function outputTable(outputs) {
  const value = ({ value: text, place }) =>
    place ? make("a", { href: place, title: text }, isUrl(text) ? "Open here" : text) : text;
  return table(
    ["Output", "Value"],
    outputs.map((output) =>
      make("tr", {}, make("td", {}, breakable(output.name)), make("td", {}, value(output))),
    ),
  );
}

/** Make the form work. */
export function build() {
  $("launch-form").addEventListener("submit", submit);
}
