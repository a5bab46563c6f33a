// The learner's code in its three states: in the editor, on disk, and deployed in the function.

import {
  $,
  announce,
  clock,
  count,
  forget,
  changed as hasChanged,
  json,
  make,
  send,
} from "./dom.js";
import {
  buildEditor,
  closeDiff,
  editor,
  markError,
  presentLetters,
  resizeLetters,
  setText,
  showDiff,
} from "./editor.js";
import { store } from "./state.js";
import { isPresenting } from "./tabs.js";

const SAVE_MILLISECONDS = 1000; // after the last key
const DRAFT = "unsaved code"; // in this browser's storage: {tag, text}
const DEPLOY =
  "python -m zipfile -c exercise/function.zip exercise/index.py\n" +
  "aws lambda update-function-code --zip-file fileb://exercise/function.zip --function-name …";
let opening = null; // the promise that the editor is there
let disk = { tag: "", changed: 0, file: "" };
let saved = ""; // the text that is on disk
let timer = 0;
let saving = null; // the promise of the save that runs
let silent = false; // whether the text changes because it was read
let conflict = false; // whether the file was changed outside, while there were unsaved keys

const put = (body) => send("/exercise/save", json(body));
const isUnsaved = () => editor && editor.getValue() !== saved;

async function read() {
  const answer = await fetch("/exercise");
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

/** The file; if there is none yet, the starter becomes it. */
async function readOrBegin() {
  const file = await read();
  if (!file.exists) {
    Object.assign(file, await put({ text: file.text, tag: "" }));
    announce(`${file.file} has the starter now.`);
  }
  return file;
}

/** Show the text of the disk. */
function show(file) {
  disk = file;
  saved = file.text;
  silent = true;
  setText(file.text);
  silent = false;
  conflict = false;
  notice();
  drawState();
}

/** Load the editor and the file, once; if there is no file yet, take the starter. */
export function openFile() {
  opening ||= load().catch((error) => {
    opening = null;
    notice(error.message);
  });
  return opening;
}

/** Show the editor, with letters as large as the place needs them. */
export async function open() {
  await openFile();
  if (!editor) return;
  presentLetters(isPresenting());
}

async function load() {
  const [file] = await Promise.all([readOrBegin(), buildEditor(changed)]);
  editor.commands.addCommand({ name: "save", bindKey: "Ctrl-S|Command-S", exec: save });
  editor.commands.addCommand({ name: "deploy", bindKey: "Ctrl-Enter", exec: () => deploy() });
  show(file);
  const draft = JSON.parse(localStorage.getItem(DRAFT) || "null");
  if (draft?.tag === file.tag && draft.text !== file.text) editor.setValue(draft.text, -1);
}

/** A key was pressed: save soon. */
function changed() {
  if (silent) return;
  localStorage.setItem(DRAFT, JSON.stringify({ tag: disk.tag, text: editor.getValue() }));
  markError(0);
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_MILLISECONDS);
  drawState();
}

/** Write the text to disk, unless somebody else has written there. */
export async function save() {
  clearTimeout(timer);
  await saving;
  if (!isUnsaved() || conflict) return;
  const own = write();
  saving = own;
  await own;
  if (saving === own) saving = null;
}

async function write() {
  const text = editor.getValue();
  try {
    Object.assign(disk, await put({ text, tag: disk.tag }));
    saved = text;
    if (!isUnsaved()) localStorage.removeItem(DRAFT);
  } catch (error) {
    if (error.status === 412) askAboutConflict();
    else notice(error.message);
  }
  drawState();
}

function askAboutConflict() {
  conflict = true;
  notice(
    `${disk.file} was changed outside of the page.`,
    ["Load it", async () => show(await read())],
    ["Keep mine", keepMine],
    [
      "Compare",
      async () => showDiff("Yours, and the one on disk", editor.getValue(), (await read()).text),
    ],
  );
}

async function keepMine() {
  disk = await read();
  conflict = false;
  notice();
  await save();
}

/** Deploy the file; `force` deploys also what Python cannot read. */
export async function deploy(force = false) {
  await openFile();
  closeDiff();
  await save();
  if (conflict) return;
  notice();
  $("deploy").setAttribute("aria-disabled", "true");
  try {
    const result = await send("/exercise/deploy", json({ force }));
    if (result.deployed) {
      markError(0);
      announce(`Deployed in ${result.seconds.toFixed(1)} s.`);
    } else {
      markError(result.line, result.error);
      const message = `Not deployed. Line ${result.line}: ${result.error}`;
      announce(message);
      notice(message, ["Deploy all the same", () => deploy(true)]);
    }
  } catch (error) {
    notice(error.message);
  }
  $("deploy").removeAttribute("aria-disabled");
}

/** What is in which state. */
export function draw() {
  if (!disk.file) return; // nothing is shown yet
  const { exercise, code } = store.state;
  // If nobody answers, the page says so itself, and the next news come here again.
  if (exercise !== disk.tag && !saving) followDisk().catch(() => {});
  if (hasChanged("code of the function", code.tag)) refreshCount().catch(() => {});
  drawState();
}

/** The file has changed outside: load it, or ask if there are unsaved keys. */
async function followDisk() {
  if (isUnsaved()) {
    if (!conflict) askAboutConflict();
    return;
  }
  const file = await read();
  if (file.exists && file.tag !== disk.tag && !isUnsaved()) {
    show(file);
    announce(`${file.file} was changed outside of the page, and loaded.`);
  }
}

async function refreshCount() {
  const { changed: lines, tag } = await read();
  if (tag === disk.tag) disk.changed = lines;
  forget("state of the code");
  drawState();
}

function drawState() {
  if (!store.state) return;
  const { code, stack } = store.state;
  const unsaved = isUnsaved() ? "not saved yet" : "saved";
  const differs = code.tag && code.tag !== disk.tag;
  const differ = disk.changed === 1 ? "differs" : "differ";
  const lines = differs ? ` · ${count(disk.changed, "lines")} ${differ} from it` : "";
  const text = `${disk.file}: ${unsaved} · ${whatIsDeployed(code)}${lines}`;
  if (!hasChanged("state of the code", [text, Boolean(stack)])) return;
  $("code-state").replaceChildren(text, differs ? compareButton() : "");
}

function whatIsDeployed({ tag, starter, modified }) {
  if (!tag) return "no stack yet: launch it, step 3";
  if (starter) return "deployed: the starter";
  return `deployed${tag === disk.tag ? "" : ": other code,"} ${clock(modified)}`;
}

function compareButton() {
  const compare = async () => {
    const { text } = await (await fetch("/exercise/deployed")).json();
    showDiff("Deployed, and yours", text, editor.getValue());
  };
  return make("button", { type: "button", class: "line-link", onclick: compare }, "Compare");
}

/** Show a message with buttons above the editor; without one, hide it. */
export function notice(message = "", ...actions) {
  $("code-notice").hidden = !message;
  const buttons = actions.map(([label, action]) =>
    make("button", { type: "button", onclick: action }, label),
  );
  $("code-notice").replaceChildren(make("span", {}, message), ...buttons);
}

/** The solution beside the learner's code, after one question. */
async function compareSolution() {
  await openFile();
  notice(
    "The solution shows all four parts. Look at it?",
    [
      "Show the solution",
      async () => {
        notice();
        const { text } = await (await fetch("/exercise/solution")).json();
        showDiff("Yours, and the solution", editor.getValue(), text);
      },
    ],
    ["Not yet", () => notice()],
  );
}

/** Ctrl+S beside the editor, where the browser would save this page. */
function saveByKey(event) {
  const isSave = event.key === "s" && (event.ctrlKey || event.metaKey);
  if (!isSave || $("code").hidden) return;
  event.preventDefault();
  save();
}

/** Make the buttons work. */
export function build() {
  $("deploy").title = DEPLOY;
  $("deploy").addEventListener("click", () => deploy());
  $("compare-solution").addEventListener("click", compareSolution);
  $("smaller").addEventListener("click", () => resizeLetters(-2));
  $("larger").addEventListener("click", () => resizeLetters(2));
  $("diff-close").addEventListener("click", closeDiff);
  addEventListener("keydown", saveByKey);
  addEventListener("beforeunload", (event) => isUnsaved() && event.preventDefault());
}
