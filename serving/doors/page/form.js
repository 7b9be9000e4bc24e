// The form of a request, made from the version's description: a part for each stage, with its fields.
import { make } from "./elements.js";

/** Return whether a stage takes the conversation's earlier questions and answers. */
export function takesHistory(stage) {
  const history = stage.inputs.find((field) => field.name === "history");
  return Boolean(history?.fields?.some((entry) => entry.name === "question"));
}

/** Return the name of the field that a message goes to; undefined when no text is required. */
export function mainInput(stage) {
  return stage.inputs.find((field) => field.required && field.kind === "text")?.name;
}

const inWords = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());

function makeControl(field) {
  const name = { name: field.name };
  if (field.choices) {
    return make("select", name, make("option", { value: "" }, "as usual"), ...field.choices.map((value) => make("option", { value }, value)));
  }
  if (field.kind === "boolean") {
    return make("select", name, make("option", { value: "" }, "as usual"), make("option", { value: "true" }, "yes"), make("option", { value: "false" }, "no"));
  }
  if (field.kind === "integer" || field.kind === "number") {
    const bounds = field.most ? { min: field.least, max: field.most } : {};
    return make("input", { ...name, type: "number", step: field.kind === "integer" ? "1" : "any", ...bounds });
  }
  if (field.required || field.kind === "list") {
    const bound = field.kind === "text" && field.most ? { maxLength: field.most } : {};
    return make("textarea", { ...name, rows: 1, dir: "auto", ...bound });
  }
  return make("input", { ...name, type: "text", dir: "auto" });
}

const HINTS = { object: "One value, or several separated by | .", list: "JSON: a list.", texts: "One on each line." };

function hintOf(field) {
  if (field.kind !== "list") return "";
  return field.fields ? HINTS.list : HINTS.texts;
}

let hints = 0;

/** Return a control below its name; what is to be known of it is its description, not part of its name. */
function labelled(field, control, hint) {
  const label = make("label", {}, make("span", {}, inWords(field.name)), control);
  const words = [field.description, hint].filter(Boolean).join(" ");
  if (field.required && !hint) control.title = words; // a form begins with it, and its name says it
  if (control.title || !words) return make("div", { className: "field" }, label);
  const small = make("small", { id: `hint-${++hints}` }, words);
  control.setAttribute("aria-describedby", small.id);
  return make("div", { className: "field" }, label, small);
}

/** One field of a stage: its element, and its value (undefined for an absent one). */
class Field {
  constructor(field) {
    this.declared = field;
    if (field.kind === "object") {
      this.parts = field.fields.map((part) => new Field({ ...part, required: false, isAlternative: true }));
      this.element = make("fieldset", {}, make("legend", {}, inWords(field.name)), make("small", {}, `${field.description} ${HINTS.object}`), ...this.parts.map((part) => part.element));
    } else {
      this.control = makeControl(field);
      this.element = labelled(field, this.control, hintOf(field));
    }
  }

  get value() {
    const field = this.declared;
    if (field.kind === "object") {
      const entries = this.parts.map((part) => [part.declared.name, part.value]).filter(([, value]) => value !== undefined);
      return entries.length ? Object.fromEntries(entries) : undefined;
    }
    const text = this.control.value.trim();
    if (!text) return undefined;
    if (field.kind === "integer" || field.kind === "number") return Number(text);
    if (field.kind === "boolean") return text === "true";
    if (field.kind === "list") return field.fields ? parseList(text) : text.split("\n").map((line) => line.trim()).filter(Boolean);
    if (field.isAlternative && text.includes("|")) return text.split("|").map((part) => part.trim()).filter(Boolean);
    return text;
  }
}

function parseList(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // a reference such as {qa.sources}; anything else is refused in words
  }
}

/** The part of the form for one stage. */
export class StageForm {
  constructor(name, stage, isChosen) {
    this.name = name;
    this.stage = stage;
    const main = mainInput(stage);
    const fields = stage.inputs.filter((field) => field.name !== "run" && !(field.name === "history" && takesHistory(stage)));
    this.fields = fields.map((field) => new Field(field));
    this.main = this.fields.find((field) => field.declared.name === main);
    const others = this.fields.filter((field) => field !== this.main);
    const drawer = others.length ? make("details", {}, make("summary", {}, `More fields of ${name}`), ...others.map((field) => field.element)) : null;
    this.checkbox = make("input", { type: "checkbox", checked: isChosen, name: "stage", value: name });
    this.choice = make("label", {}, this.checkbox, name);
    this.element = make("fieldset", { hidden: !isChosen }, make("legend", {}, name), this.main?.element ?? make("p", {}, "This stage needs no text."), drawer);
    this.checkbox.addEventListener("change", () => { this.element.hidden = !this.checkbox.checked; });
  }

  get isChosen() {
    return this.checkbox.checked;
  }

  choose(text) {
    this.checkbox.checked = true;
    this.element.hidden = false;
    if (this.main) this.main.control.value = text;
  }

  /** Return the stage's input fields, with earlier questions and answers where the stage takes them. */
  read(history) {
    const entries = this.fields.map((field) => [field.declared.name, field.value]).filter(([, value]) => value !== undefined);
    const values = Object.fromEntries(entries);
    if (takesHistory(this.stage) && history.length) values.history = history;
    if (this.main) values[this.main.declared.name] ??= "";
    else if (!entries.length) values.run = true;
    return values;
  }

  get text() {
    return this.main?.control.value.trim() ?? "";
  }

  clear() {
    if (this.main) this.main.control.value = "";
  }
}
