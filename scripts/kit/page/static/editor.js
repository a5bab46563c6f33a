// The editor: Ace, Cloud9's own, which is loaded when the tab Code is first opened.
// The page's policy allows no inline style and no worker made of text, so Ace gets its styles as files.

import { $, make } from "./dom.js";

const STYLES = ["ace.css", "theme/cloud_editor.css", "theme/cloud_editor_dark.css"];
// Names in this browser's storage, for sizes in pixels: the learner's, and those for an audience.
const NORMAL = ["size of the code", 14];
const PRESENTED = ["size of the presented code", 28];
let size = NORMAL;
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => `ace/theme/cloud_editor${dark.matches ? "_dark" : ""}`;
const scripts = new Map(); // path → promise that it is loaded
export let editor = null;

/** Load a script of Ace, once; it runs after those that were asked for before. */
function loadScript(name) {
  if (!scripts.has(name)) {
    scripts.set(
      name,
      new Promise((done, failed) => {
        const element = make("script", { src: `/ace/${name}.js` });
        element.async = false;
        element.addEventListener("load", done);
        element.addEventListener("error", () => {
          scripts.delete(name); // so that the next try asks again
          failed(new Error("The editor cannot be loaded."));
        });
        document.head.append(element);
      }),
    );
  }
  return scripts.get(name);
}

/** Load what the editor needs at once; Ace itself loads the search and the other theme. */
function loadAce() {
  const links = STYLES.map((name) => make("link", { rel: "stylesheet", href: `/ace/css/${name}` }));
  document.head.append(...links);
  const main = loadScript("ace").then(() => {
    ace.config.set("useStrictCSP", true);
    ace.config.set("basePath", "/ace");
  });
  const others = ["mode-python", theme().replace("ace/theme/", "theme-")].map(loadScript);
  return Promise.all([main, ...others]);
}

/** An editor in an element. */
function edit(element, label) {
  const made = ace.edit(element, {
    mode: "ace/mode/python",
    theme: theme(),
    useWorker: false,
    showPrintMargin: false,
    enableKeyboardAccessibility: true, // Escape, then Tab, leads out of it
    fontSize: chosenSize(),
    tabSize: 4,
    useSoftTabs: true,
    textInputAriaLabel: label,
  });
  dark.addEventListener("change", () => made.setTheme(theme()));
  return made;
}

/** Load Ace, and make the editor; `changed` is called when its text has changed. */
export async function buildEditor(changed) {
  await loadAce();
  editor = edit($("editor"), "Code of the exercise");
  editor.session.on("change", changed);
  new ResizeObserver(() => editor.resize()).observe($("editor"));
}

/** Put a text into the editor as a state that Undo does not leave. */
export function setText(text) {
  const position = editor.getCursorPosition();
  editor.session.setValue(text);
  editor.moveCursorToPosition(position);
}

/** Mark a line with an error; without a line, remove all marks. */
export function markError(line, text) {
  const marks = line ? [{ row: line - 1, column: 0, text, type: "error" }] : [];
  editor.session.setAnnotations(marks);
  if (line) goToLine(line);
}

/** Go to a line. */
export function goToLine(line) {
  editor.gotoLine(line, 0, true);
  editor.focus();
}

/** Insert a text where the cursor is. */
export function insert(text) {
  const place = { ...editor.getCursorPosition() };
  editor.session.insert(place, text);
  editor.scrollToLine(place.row);
  editor.focus();
}

const chosenSize = () => Number(localStorage.getItem(size[0])) || size[1];

/** Set the size of the letters; the column of line numbers changes its width only when forced. */
function setSize(pixels) {
  editor.setFontSize(pixels);
  editor.resize(true);
}

/** Large letters for an audience, or the learner's; of each, as they were chosen last. */
export function presentLetters(present) {
  size = present ? PRESENTED : NORMAL;
  setSize(chosenSize());
}

/** Make the letters larger or smaller by so many pixels. */
export function resizeLetters(pixels) {
  const pixelsNow = Math.max(10, Math.min(60, editor.getFontSize() + pixels));
  setSize(pixelsNow);
  localStorage.setItem(size[0], String(pixelsNow));
}

let diff = null;

/** Show two texts side by side; closeDiff removes them. */
export async function showDiff(title, left, right) {
  await loadScript("ext-diff");
  closeDiff();
  $("diff-title").textContent = title;
  $("diff").hidden = false;
  $("editor").hidden = true;
  const editors = ["diff-left", "diff-right"].map((id) => edit($(id), title));
  const { createDiffView } = ace.require("ace/ext/diff");
  diff = createDiffView({ editorA: editors[0], editorB: editors[1] }, {});
  for (const [index, text] of [left, right].entries()) {
    editors[index].setValue(text, -1);
    editors[index].setReadOnly(true);
  }
}

/** Show the editor again. */
export function closeDiff() {
  if (diff) {
    diff.destroy();
    for (const id of ["diff-left", "diff-right"]) $(id).replaceChildren();
    diff = null;
  }
  $("diff").hidden = true;
  $("editor").hidden = false;
}
